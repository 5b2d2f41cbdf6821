"""Turns (query × route) outcomes with missing cells into what the members are fitted to, from sums that add up over
parts of a label set."""

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
    sums = route_sums(correct, weight)
    base = base_rates(sums, prior)
    base = base - flattery(others_sums(correct, weight, base), sums, prior)
    return Outcomes(correct, ~np.isnan(correct), base, residuals(correct, base), prior, weight)


@dataclass(frozen=True)
class RouteSums:
    """What base rates are made of: labels and right answers in all, and weighted per route (R,). They add up."""

    labels: float
    right: float
    cells: np.ndarray
    weighted: np.ndarray

    def __add__(self, other: "RouteSums") -> "RouteSums":
        cells, weighted = self.cells + other.cells, self.weighted + other.weighted
        return RouteSums(self.labels + other.labels, self.right + other.right, cells, weighted)


def route_sums(correct: np.ndarray, weight: np.ndarray | None) -> RouteSums:
    """Of outcomes (n, R) with NaN for gaps."""
    known = ~np.isnan(correct)
    filled, cells = np.where(known, correct, 0.0), _cells(known, weight)
    return RouteSums(known.sum(), filled.sum(), cells.sum(axis=0), (cells * filled).sum(axis=0))


def base_rates(sums: RouteSums, prior: Prior | None) -> np.ndarray:
    """Each route's mean (R,), drawn to the prior or to the mean of all."""
    drawn_to, firmly = _prior(sums, prior)
    return (sums.weighted + firmly * drawn_to) / (sums.cells + firmly)


def residuals(correct: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Outcome − base (n, R), gaps filled."""
    known = ~np.isnan(correct)
    residual = np.where(known, correct - base, 0.0)
    # A gap takes its query's mean residual, shrunk: a query that most routes miss is probably missed there as well.
    of_query = residual.sum(axis=1) / (known.sum(axis=1) + 1.0)
    return np.where(known, residual, of_query[:, None])


@dataclass(frozen=True)
class OthersSums:
    """What a route's requests are worth by the other routes' outcomes on them. They add up."""

    product: float
    square: float
    there: np.ndarray
    anywhere: np.ndarray
    told: np.ndarray

    def __add__(self, other: "OthersSums") -> "OthersSums":
        return OthersSums(
            self.product + other.product,
            self.square + other.square,
            self.there + other.there,
            self.anywhere + other.anywhere,
            self.told + other.told,
        )


def others_sums(correct: np.ndarray, weight: np.ndarray | None, base: np.ndarray) -> OthersSums:
    """Each request's mean residual over the other routes stands for how easy it is."""
    known = ~np.isnan(correct)
    cells = _cells(known, weight)
    weighted, counts = cells * np.where(known, correct - base, 0.0), cells.sum(axis=1, keepdims=True)
    others = (weighted.sum(axis=1, keepdims=True) - weighted) / np.maximum(counts - cells, 1e-9)
    told = counts - cells > 0
    others = np.where(told, others, 0.0)
    return OthersSums(
        product=(weighted * others).sum(),
        square=(cells * others**2).sum(),
        there=(cells * others).sum(axis=0),
        anywhere=others.sum(axis=0),
        told=told.sum(axis=0),
    )


def flattery(others: OthersSums, sums: RouteSums, prior: Prior | None) -> np.ndarray:
    """(R,): by how much the requests that a route was run on flatter its base rate.

    A route that was run on chosen requests only would be believed as good as those were easy. What an easy request is
    worth for one more route is the common slope of routes on the mean of the others.
    """
    slope = others.product / max(others.square, 1e-9)
    there = others.there / np.maximum(sums.cells, 1e-9)
    anywhere = others.anywhere / np.maximum(others.told, 1)
    harder = float(np.clip(slope, 0.0, 1.0)) * np.where(sums.cells > 0, there - anywhere, 0.0)
    return harder * sums.cells / (sums.cells + _prior(sums, prior)[1])


def _cells(known: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    return known.astype(float) if weight is None else np.where(known, weight, 0.0)


def _prior(sums: RouteSums, prior: Prior | None) -> tuple[np.ndarray | float, float]:
    overall = (sums.right + 0.5) / (sums.labels + 1.0)
    return (overall, BASE_PRIOR) if prior is None else (prior.mean, prior.labels)


def level_and_contrasts(residual: np.ndarray) -> np.ndarray:
    """The basis of `contrast_basis` for residuals (n, R)."""
    return contrast_basis(contrast_scatter(residual))


def contrast_scatter(residual: np.ndarray) -> np.ndarray:
    """(R, R): products of contrasts, summed over rows. They add up."""
    contrast = residual - residual.mean(axis=1, keepdims=True)
    return contrast.T @ contrast


def contrast_basis(scatter: np.ndarray) -> np.ndarray:
    """An orthonormal basis (R, R): first the mean over routes, then contrasts by how much they vary.

    Routes share strength in this basis: what is common is learned from all labels of a query, and a contrast that
    nothing predicts costs nothing.
    """
    routes = len(scatter)
    level = np.full((routes, 1), 1.0 / np.sqrt(routes))
    if routes == 1:
        return level
    _, axes = np.linalg.eigh(scatter)
    axes = axes[:, ::-1][:, : routes - 1]
    # the null direction is the level itself; orthogonalise against it exactly
    full, _ = np.linalg.qr(np.hstack([level, axes]))
    return full
