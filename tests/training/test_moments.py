"""Heads made of sums are those of all rows at once."""

import numpy as np
import pytest

from training.heads import fit_heads
from training.moments import Moments, heads_of, sum_moments


def rows(n: int = 300, d: int = 12, m: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    dense = rng.normal(size=(n, d)).astype(np.float32)
    targets = dense @ rng.normal(size=(d, m)) + 3 * rng.normal(size=(n, m)) + 1.5
    targets[:, -1] = rng.normal(size=n)  # nothing to learn
    return dense, targets, rng.integers(0, 5, n)


@pytest.mark.parametrize("tied_from", [None, 2])
def test_sums_over_batches_give_the_heads_of_all_rows(tied_from: int | None) -> None:
    dense, targets, fold = rows()
    whole = fit_heads(dense.astype(np.float64), targets, fold, tied_from)
    parts = [slice(200, 300), slice(0, 7), slice(7, 200)]
    summed = heads_of(sum_moments(((dense[p], targets[p], fold[p]) for p in parts), 5), tied_from)
    assert np.allclose(summed.weights, whole.weights, atol=1e-9) and np.allclose(summed.offset, whole.offset)
    assert np.allclose(summed.out_of_fold(dense, fold), whole.out_of_fold, atol=1e-9)
    assert np.allclose(summed.explained, whole.explained, atol=1e-9)


def test_what_nothing_foretells_gets_no_head() -> None:
    dense, _, fold = rows()
    noise = np.random.default_rng(1).normal(size=(300, 1))
    heads = heads_of(sum_moments([(dense, noise, fold)], 5)).columns(0, 1)
    assert abs(heads.weights).max() < 0.1 and heads.explained[0] < 0.05
    assert heads_of([Moments.none(3, 2) for _ in range(5)]).weights.shape == (2, 3)
