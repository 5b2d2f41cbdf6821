"""The weighing of vectors: one by one or many at once, in and out of a file, silent about vectors it cannot read."""

import numpy as np
import pytest

from router.cache.pair_vectors import PairVectors, pair_blocks


@pytest.fixture
def judge() -> PairVectors:
    return PairVectors(np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32), 0.5)


def test_one_against_many_is_what_pairs_say(judge: PairVectors) -> None:
    rng = np.random.default_rng(1)
    vector, others = rng.normal(size=8), rng.normal(size=(3, 8))
    found = judge.of_pairs(np.tile(vector, (3, 1)), others)
    assert judge.scores(vector, others) == pytest.approx(found)
    assert found == pytest.approx(pair_blocks(np.tile(vector, (3, 1)), others) @ judge.weights.ravel() + 0.5)


def test_which_of_two_came_first_does_not_matter(judge: PairVectors) -> None:
    one, other = np.random.default_rng(2).normal(size=(2, 8))
    assert judge.scores(one, other[None, :]) == pytest.approx(judge.scores(other, one[None, :]))


def test_vectors_of_another_length_are_not_judged(judge: PairVectors) -> None:
    assert np.isnan(judge.scores(np.ones(4), np.ones((2, 4)))).all()


def test_what_is_stored_comes_back(judge: PairVectors) -> None:
    again = PairVectors.from_array(judge.as_array(), "abc")
    assert np.array_equal(again.weights, judge.weights) and (again.bias, again.encoder) == (0.5, "abc")


@pytest.mark.parametrize("flat", [np.zeros((2, 4)), np.zeros(6), np.zeros(1), np.full(7, np.nan)])
def test_an_array_of_another_make_is_refused(flat: np.ndarray) -> None:
    with pytest.raises(ValueError, match="vector weights"):
        PairVectors.from_array(flat, "")
