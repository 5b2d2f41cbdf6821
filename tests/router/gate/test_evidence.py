"""What shadow running saw: a shared route counts for both, executed differences for all that differ."""

import numpy as np
import pandas as pd
import pytest

from router.errors import InputError
from router.gate.evidence import from_pairs, from_shadow


@pytest.fixture
def frame() -> pd.DataFrame:
    rows = [
        # incumbent, candidate, correct of either, usd of either
        ("a", "a", 1.0, None, 0.1, None),
        ("a", "a", None, None, None, None),
        ("a", "b", 0.0, 1.0, 0.1, 0.2),
        ("a", "b", 1.0, None, 0.1, None),
        ("a", "b", None, None, None, None),
    ]
    names = ("incumbent_model", "candidate_model", "incumbent_correct", "candidate_correct")
    table = pd.DataFrame(rows, columns=[*names, "incumbent_billed_usd", "candidate_billed_usd"]).astype(
        {"incumbent_correct": float, "candidate_correct": float}
    )
    return table.assign(incumbent_effort="none", candidate_effort="none", task=["x", "x", "y", "y", None])


def test_observed_rows_stand_for_those_of_their_kind(frame):
    found = from_shadow(frame)
    assert found.weight.tolist() == [2.0, 3.0]
    assert found.correct.tolist() == [[1.0, 1.0], [0.0, 1.0]]
    assert found.usd.tolist() == [[0.1, 0.1], [0.1, 0.2]]
    assert found.differ.tolist() == [False, True] and found.requests == 5


def test_a_column_that_is_missing_is_named(frame):
    with pytest.raises(InputError, match="candidate_correct"):
        from_shadow(frame.drop(columns="candidate_correct"))


def test_a_slice_keeps_its_share_of_the_traffic(frame):
    found = from_shadow(frame)
    assert dict(found.names("task")) == {"y": pytest.approx(0.6), "x": pytest.approx(0.4)}
    assert found.of("task", "y").n == 1 and found.of("task", "y").requests == 3


def test_rows_that_repeat_may_be_counted():
    usd, correct = np.random.default_rng(0).random((2, 3, 2))
    counted = from_pairs("log", usd, correct, np.ones(3, bool), {}, live=True, count=np.array([1.0, 2.0, 3.0]))
    assert counted.n == counted.requests == 6


def test_what_was_reported_without_being_drawn_does_not_count(frame):
    assert from_shadow(frame.assign(executed=False)).differ.tolist() == [False]


def test_difficulty_is_what_the_incumbent_expected(frame):
    found = from_shadow(frame.assign(incumbent_p_correct=[0.9, 0.9, 0.3, 0.3, 0.3]))
    assert [name.split()[0] for name in found.difficulty] == ["easy", "hard"]
    assert list(from_shadow(frame).names("difficulty")) == []
