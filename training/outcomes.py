"""Turns (query × route) outcomes with missing cells into what the members are fitted to."""

from dataclasses import dataclass

import numpy as np

BASE_PRIOR = 4.0


@dataclass(frozen=True)
class Prior:
    """What to believe of each route's mean (R,) before its labels speak, as firmly as if `labels` had shown it."""

    mean: np.ndarray
    labels: float = BASE_PRIOR


@dataclass(frozen=True)
class Outcomes:
    """`base` (R,): each route's mean, shrunk to the mean of all. `residual` (n, R): outcome − base, gaps filled."""

    correct: np.ndarray
    known: np.ndarray
    base: np.ndarray
    residual: np.ndarray
    prior: Prior | None = None
    weight: np.ndarray | None = None

    def subset(self, rows: np.ndarray) -> "Outcomes":
        return read_outcomes(self.correct[rows], self.prior, None if self.weight is None else self.weight[rows])


def read_outcomes(correct: np.ndarray, prior: Prior | None = None, weight: np.ndarray | None = None) -> Outcomes:
    """`prior` is what each route's mean is drawn to instead of the mean of all. `weight` (n, R) is how many cells
    a cell stands for; means of routes heed it, so that a route is not judged by the requests it was chosen for."""
    known = ~np.isnan(correct)
    filled = np.where(known, correct, 0.0)
    overall = (filled.sum() + 0.5) / (known.sum() + 1.0)
    drawn_to, firmly = (overall, BASE_PRIOR) if prior is None else (prior.mean, prior.labels)
    cells = known.astype(float) if weight is None else np.where(known, weight, 0.0)
    base = ((cells * filled).sum(axis=0) + firmly * drawn_to) / (cells.sum(axis=0) + firmly)
    base = base - _harder(np.where(known, correct - base, 0.0), cells) * cells.sum(axis=0) / (
        cells.sum(axis=0) + firmly
    )
    residual = np.where(known, correct - base, 0.0)
    # A gap takes its query's mean residual, shrunk: a query that most routes miss is probably missed there as well.
    of_query = residual.sum(axis=1) / (known.sum(axis=1) + 1.0)
    return Outcomes(correct, known, base, np.where(known, residual, of_query[:, None]), prior, weight)


def _harder(residual: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """(R,): by how much the requests that a route was run on flatter it, judged by the other routes' outcomes there.

    A route that was run on chosen requests only would be believed as good as those were easy. Each request's mean over
    the other routes stands for how easy it is; what that is worth for one more route is their common slope.
    """
    weighted, counts = cells * residual, cells.sum(axis=1, keepdims=True)
    others = (weighted.sum(axis=1, keepdims=True) - weighted) / np.maximum(counts - cells, 1e-9)
    told = counts - cells > 0
    others = np.where(told, others, 0.0)
    slope = (weighted * others).sum() / max((cells * others**2).sum(), 1e-9)
    there = (cells * others).sum(axis=0) / np.maximum(cells.sum(axis=0), 1e-9)
    anywhere = others.sum(axis=0) / np.maximum(told.sum(axis=0), 1)
    return float(np.clip(slope, 0.0, 1.0)) * np.where(cells.sum(axis=0) > 0, there - anywhere, 0.0)


def level_and_contrasts(residual: np.ndarray) -> np.ndarray:
    """An orthonormal basis (R, R): first the mean over routes, then contrasts by how much they vary.

    Routes share strength in this basis: what is common is learned from all labels of a query, and a contrast that
    nothing predicts costs nothing.
    """
    routes = residual.shape[1]
    level = np.full((routes, 1), 1.0 / np.sqrt(routes))
    if routes == 1:
        return level
    contrast = residual - residual.mean(axis=1, keepdims=True)
    _, axes = np.linalg.eigh(contrast.T @ contrast)
    axes = axes[:, ::-1][:, : routes - 1]
    # the null direction is the level itself; orthogonalise against it exactly
    full, _ = np.linalg.qr(np.hstack([level, axes]))
    return full
