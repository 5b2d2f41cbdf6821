"""Ridge heads from sums: what `fit_heads` finds with all rows in memory, exactly, of rows that come in batches.

Sums of products (Gram matrix, moments of the targets) add up over batches, whatever their order, and a fold is left out
by subtracting its own. Squared errors of a held-out fold follow from its sums as well, so strengths are chosen without
another look at the rows.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from training.heads import STRENGTHS


@dataclass
class Moments:
    """Sums over rows of inputs x (d,) and targets y (m,): how many, Σx, Σy, Σxxᵀ, Σxyᵀ, Σy²."""

    n: float
    x: np.ndarray
    y: np.ndarray
    xx: np.ndarray
    xy: np.ndarray
    yy: np.ndarray

    @classmethod
    def none(cls, inputs: int, targets: int) -> "Moments":
        return cls(
            0.0,
            np.zeros(inputs),
            np.zeros(targets),
            np.zeros((inputs, inputs)),
            np.zeros((inputs, targets)),
            np.zeros(targets),
        )

    def add(self, dense: np.ndarray, targets: np.ndarray) -> None:
        """Rows (n, d) and their targets (n, m)."""
        self.n += len(dense)
        self.x += dense.sum(axis=0)
        self.y += targets.sum(axis=0)
        self.xx += dense.T @ dense
        self.xy += dense.T @ targets
        self.yy += (targets**2).sum(axis=0)

    def centred(self, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Σx(y − mean)ᵀ and Σ(y − mean)²."""
        return self.xy - np.outer(self.x, mean), self.yy - 2 * mean * self.y + self.n * mean**2


@dataclass(frozen=True)
class SummedHeads:
    """`weights` (m, d) and `offset` (m,) of all rows; `without` (folds, m, d): the weights without each fold's rows.
    `explained` (m,): the share of the mean's squared error that is gone out of fold."""

    weights: np.ndarray
    offset: np.ndarray
    without: np.ndarray
    explained: np.ndarray

    def columns(self, start: int, end: int | None) -> "SummedHeads":
        """Some of the targets."""
        part = slice(start, end)
        return SummedHeads(self.weights[part], self.offset[part], self.without[:, part], self.explained[part])

    def out_of_fold(self, dense: np.ndarray, fold: np.ndarray) -> np.ndarray:
        """(n, m): each row by the weights that its own fold had no part in."""
        out = np.empty((len(dense), len(self.offset)))
        for one in np.unique(fold):
            out[fold == one] = dense[fold == one] @ self.without[one].T
        return out + self.offset


def sum_moments(rows: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]], folds: int) -> list[Moments]:
    """Per fold, of batches of inputs (n, d), targets (n, m) and folds (n,)."""
    sums: list[Moments] = []
    for dense, targets, fold in rows:
        if not sums:
            sums = [Moments.none(dense.shape[1], targets.shape[1]) for _ in range(folds)]
        exact = dense.astype(np.float64)
        for one in np.unique(fold):
            sums[one].add(exact[fold == one], targets[fold == one])
    return sums


def heads_of(folds: list[Moments], tied_from: int | None = None) -> SummedHeads:
    """Heads whose strengths held-out folds prefer; targets from column `tied_from` on share one."""
    n = sum(one.n for one in folds)
    mean = np.sum([one.y for one in folds], axis=0) / max(n, 1.0)
    gram = np.sum([one.xx for one in folds], axis=0)
    held = [one.centred(mean) for one in folds]
    moment, total = (np.sum(parts, axis=0) for parts in zip(*held))
    error = np.zeros((len(STRENGTHS) + 1, len(mean)))
    for one, (own_moment, own_square) in zip(folds, held):
        solved = _solve(gram - one.xx, moment - own_moment, STRENGTHS)
        for k, weights in enumerate(solved):
            error[k] += own_square - 2 * (weights * own_moment).sum(axis=0) + ((one.xx @ weights) * weights).sum(axis=0)
    error[-1] = total
    pick = error.argmin(axis=0)
    if tied_from is not None and tied_from < len(mean):
        pick[tied_from:] = error[:, tied_from:].sum(axis=1).argmin()
    best = error[pick, np.arange(len(mean))]
    chosen = np.append(STRENGTHS, np.inf)[pick]
    return SummedHeads(
        weights=_picked(gram, moment, chosen),
        offset=mean,
        without=np.stack([_picked(gram - one.xx, moment - own, chosen) for one, (own, _) in zip(folds, held)]),
        explained=1.0 - np.divide(best, total, out=np.ones(len(mean)), where=total > 0),
    )


def _solve(gram: np.ndarray, moment: np.ndarray, strengths: np.ndarray) -> list[np.ndarray]:
    """Weights (d, m) per strength."""
    values, axes = np.linalg.eigh(gram)
    seen = axes.T @ moment
    return [axes @ (seen / (np.maximum(values, 0.0) + strength)[:, None]) for strength in strengths]


def _picked(gram: np.ndarray, moment: np.ndarray, strengths: np.ndarray) -> np.ndarray:
    """Weights (m, d), each target by its own strength."""
    values, axes = np.linalg.eigh(gram)
    return (axes @ ((axes.T @ moment) / (np.maximum(values, 0.0)[:, None] + strengths))).T.copy()
