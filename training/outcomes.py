"""Turns (query × route) outcomes with missing cells into what the members are fitted to."""

from dataclasses import dataclass

import numpy as np

BASE_PRIOR = 4.0


@dataclass(frozen=True)
class Outcomes:
    """`base` (R,): each route's mean, shrunk to the mean of all. `residual` (n, R): outcome − base, gaps filled."""

    correct: np.ndarray
    known: np.ndarray
    base: np.ndarray
    residual: np.ndarray
    prior: np.ndarray | None = None
    weight: np.ndarray | None = None

    def subset(self, rows: np.ndarray) -> "Outcomes":
        return read_outcomes(self.correct[rows], self.prior, None if self.weight is None else self.weight[rows])


def read_outcomes(correct: np.ndarray, prior: np.ndarray | None = None, weight: np.ndarray | None = None) -> Outcomes:
    """`prior` (R,) is what each route's mean is drawn to instead of the mean of all. `weight` (n, R) is how many cells
    a cell stands for; means of routes heed it, so that a route is not judged by the requests it was chosen for."""
    known = ~np.isnan(correct)
    filled = np.where(known, correct, 0.0)
    overall = (filled.sum() + 0.5) / (known.sum() + 1.0)
    drawn_to = overall if prior is None else prior
    cells = known.astype(float) if weight is None else np.where(known, weight, 0.0)
    base = ((cells * filled).sum(axis=0) + BASE_PRIOR * drawn_to) / (cells.sum(axis=0) + BASE_PRIOR)
    residual = np.where(known, correct - base, 0.0)
    # A gap takes its query's mean residual, shrunk: a query that most routes miss is probably missed there as well.
    of_query = residual.sum(axis=1) / (known.sum(axis=1) + 1.0)
    return Outcomes(correct, known, base, np.where(known, residual, of_query[:, None]), prior, weight)


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
