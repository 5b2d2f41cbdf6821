"""Fit what the vectors of two requests say beyond their cosine, and score rows out of fold for the trees above."""

from collections.abc import Iterator

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from router.cache.pair_vectors import BLOCKS, PairVectors, pair_blocks

# Three weights per dimension on some 30,000 pairs need a strong hand: out of fold on the pairs' calibrate part, the
# trees above it ended between .9143 and .9164 (AUC) for strengths from 1e-3 to 3e-5.
_STRENGTH = 3e-4
_FOLDS = 4
# In single precision the fit's last digits differ from run to run, by where arrays lie in memory; in double precision
# and rounded, the same pairs make the same bytes.
_DECIMALS = 4


def fit_pair_vectors(
    first: np.ndarray, second: np.ndarray, same: np.ndarray, weight: np.ndarray, encoder: str = ""
) -> PairVectors:
    """A logistic regression on the standardised blocks of `first` and `second` (n, dim)."""
    blocks = pair_blocks(first.astype(float), second.astype(float))
    mean, scale = blocks.mean(0), blocks.std(0) + 1e-6
    model = LogisticRegression(C=_STRENGTH, max_iter=100).fit((blocks - mean) / scale, same, sample_weight=weight)
    weights = model.coef_[0] / scale
    bias = float(model.intercept_[0] - mean @ weights)
    return PairVectors(weights.reshape(BLOCKS, -1).astype(np.float32), bias, encoder)


def out_of_fold(
    first: np.ndarray, second: np.ndarray, same: np.ndarray, weight: np.ndarray, group: np.ndarray
) -> np.ndarray:
    """Each row's score (n,) by a fit that saw no row of its group: trees trained on it meet it as requests will."""
    scores = np.zeros(len(same))
    for train, held_out in _folds(group):
        fitted = fit_pair_vectors(first[train], second[train], same[train], weight[train])
        scores[held_out] = fitted.of_pairs(first[held_out].astype(float), second[held_out].astype(float))
    return scores.round(_DECIMALS)


def _folds(group: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    yield from GroupKFold(_FOLDS).split(group, groups=group)
