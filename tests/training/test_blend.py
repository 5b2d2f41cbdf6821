"""Which blend is chosen, and that every loss is of rows it did not see."""

import numpy as np

from router.members import MEMBERS, expit
from training.blend import Said, choose_blend


def said_of(n: int, skilled: int | None, seed: int = 0) -> tuple[Said, np.ndarray]:
    """One member knows the truth, the others guess; three routes."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(n, 3)) * 1.5
    members = rng.normal(size=(n, len(MEMBERS), 3)) * 0.8
    if skilled is not None:
        members[:, skilled] = truth
    correct = (rng.random((n, 3)) < expit(truth)).astype(float)
    return Said(np.zeros((n, 3)), members, correct, np.ones((n, 3), dtype=bool)), truth


def test_the_member_that_knows_gets_the_weight() -> None:
    said, _ = said_of(600, skilled=2)
    blend = choose_blend(said, np.arange(600) % 5, np.arange(600)).blend
    assert blend.level.argmax() == 2 and blend.contrast.argmax() == 2
    assert blend.contrast[2] > 0.7 and blend.contrast[[0, 1, 3]].max() < 0.2


def test_when_nobody_knows_base_rates_win_or_weights_vanish() -> None:
    said, _ = said_of(600, skilled=None)
    chosen = choose_blend(said, np.arange(600) % 5, np.arange(600))
    assert np.abs(expit(chosen.held_out) - 0.5).mean() < 0.06


def test_few_groups_trust_weights_less() -> None:
    said, _ = said_of(60, skilled=1)
    many = choose_blend(said, np.arange(60) % 5, np.arange(60)).blend
    few = choose_blend(said, np.arange(60) % 5, np.arange(60) % 5).blend
    assert many.contrast[1] > few.contrast[1]
