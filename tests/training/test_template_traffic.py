"""Template traffic repeats answers in other words, and one text never asks for two answers."""

import pytest

from training.template_traffic import WORLDS, template_stream


@pytest.mark.parametrize("world", WORLDS)
def test_a_world_is_consistent_and_repeats_for_a_seed(world: str) -> None:
    stream = template_stream(world, 400, seed=1)
    assert stream == template_stream(world, 400, seed=1)
    assert len(set(dict(stream).items())) == len(set(stream))
    keys = [key for _, key in stream]
    assert len(set(keys)) < 400 and len({text for text, _ in stream}) > len(set(keys))


def test_placeholders_of_one_kind_differ() -> None:
    for _, key in template_stream("trains", 300, seed=2):
        words = key.split()
        assert len(set(words)) == len(words)
