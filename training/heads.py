"""Ridge heads for many targets at once, each with the strength that its own grouped cross-validation prefers.

One eigendecomposition of the Gram matrix per fold serves every target and strength. A target that no strength predicts
better than its mean gets no head at all.
"""

from dataclasses import dataclass

import numpy as np

STRENGTHS = np.geomspace(0.03, 3000.0, 16)


@dataclass(frozen=True)
class Heads:
    """`weights` (targets, d), `offset` (targets,), `out_of_fold` (n, targets).

    `explained`: the share of the mean's squared error that is gone out of fold.
    """

    weights: np.ndarray
    offset: np.ndarray
    out_of_fold: np.ndarray
    explained: np.ndarray

    def columns(self, start: int, end: int | None) -> "Heads":
        """Some of the targets."""
        part = slice(start, end)
        return Heads(self.weights[part], self.offset[part], self.out_of_fold[:, part], self.explained[part])


def fit_heads(dense: np.ndarray, targets: np.ndarray, folds: np.ndarray, tied_from: int | None = None) -> Heads:
    """Targets from column `tied_from` on share one strength."""
    n, m = targets.shape
    mean = targets.mean(axis=0)
    centred = targets - mean
    gram, moment = dense.T @ dense, dense.T @ centred
    tried = np.zeros((len(STRENGTHS) + 1, n, m))
    for fold in np.unique(folds):
        held = folds == fold
        if held.all():
            break
        values, axes = np.linalg.eigh(gram - dense[held].T @ dense[held])
        seen = axes.T @ (moment - dense[held].T @ centred[held])
        project = dense[held] @ axes
        for k, strength in enumerate(STRENGTHS):
            tried[k, held] = project @ (seen / (np.maximum(values, 0.0) + strength)[:, None])
    error = ((tried - centred) ** 2).sum(axis=1)
    pick = error.argmin(axis=0)
    if tied_from is not None and tied_from < m:
        pick[tied_from:] = error[:, tied_from:].sum(axis=1).argmin()
    values, axes = np.linalg.eigh(gram)
    chosen = np.append(STRENGTHS, np.inf)[pick]
    weights = axes @ ((axes.T @ moment) / (np.maximum(values, 0.0)[:, None] + chosen))
    best = error[pick, np.arange(m)]
    return Heads(
        weights=weights.T.copy(),
        offset=mean,
        out_of_fold=tried[pick, :, np.arange(m)].T + mean,
        explained=1.0 - np.divide(best, error[-1], out=np.ones(m), where=error[-1] > 0),
    )
