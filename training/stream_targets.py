"""What members and amounts are taught, learnt from a stream of labels: base rates, bases of contrasts, mean logarithms.

Each is made of sums that add up over batches, so the order of batches decides nothing, and all labels count.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from training.label_stream import Batch
from training.outcomes import (
    Prior,
    base_rates,
    contrast_basis,
    contrast_scatter,
    flattery,
    others_sums,
    residuals,
    route_sums,
)
from training.usage import log_centre

Batches = Callable[[], Iterator[Batch]]


@dataclass(frozen=True)
class OutcomeTargets:
    """`base` (R,), and the basis (R, R) in which residuals against it are learnt."""

    base: np.ndarray
    basis: np.ndarray

    def residual(self, batch: Batch) -> np.ndarray:
        return residuals(batch.correct, self.base)

    def of(self, batch: Batch) -> np.ndarray:
        """(n, R): level and contrasts."""
        return self.residual(batch) @ self.basis


@dataclass(frozen=True)
class AmountTargets:
    """Logarithms of one kind of amount against each route's `centre` (R,), in their basis (R, R); the least and the
    greatest amount seen (R,)."""

    column: str
    smallest: float
    centre: np.ndarray
    basis: np.ndarray
    least: np.ndarray
    most: np.ndarray

    def of(self, batch: Batch) -> np.ndarray:
        return residuals(_logs(batch, self.column, self.smallest), self.centre) @ self.basis


def outcome_targets(batches: Batches, prior: Prior | None) -> OutcomeTargets:
    """As `read_outcomes` and `level_and_contrasts` make them of outcomes in memory."""
    sums = _total(route_sums(one.correct, one.weight) for one in batches())
    base = base_rates(sums, prior)
    others = _total(others_sums(one.correct, one.weight, base) for one in batches())
    base = base - flattery(others, sums, prior)
    scatter = _total(contrast_scatter(residuals(one.correct, base)) for one in batches())
    return OutcomeTargets(base, contrast_basis(scatter))


def amount_targets(batches: Batches, column: str, smallest: float) -> AmountTargets | None:
    """None where no such amount was measured."""
    counts, sums, least, most = _amounts(batches, column, smallest)
    if not counts.sum():
        return None
    centre = log_centre(sums, counts, sums.sum() / counts.sum())
    scatter = _total(contrast_scatter(residuals(_logs(one, column, smallest), centre)) for one in batches())
    measured = counts > 0
    least, most = np.where(measured, least, least.min()), np.where(measured, most, most.max())
    return AmountTargets(column, smallest, centre, contrast_basis(scatter), least, most)


def _amounts(batches: Batches, column: str, smallest: float) -> tuple[np.ndarray, ...]:
    """Per route: how many, sum of logarithms, least (∞ for none) and most (−∞)."""
    counts = sums = least = most = np.zeros(0)
    for batch in batches():
        values, logs = getattr(batch, column), _logs(batch, column, smallest)
        known = np.isfinite(values)
        if not len(counts):
            routes = values.shape[1]
            counts, sums = np.zeros(routes), np.zeros(routes)
            least, most = np.full(routes, np.inf), np.full(routes, -np.inf)
        counts = counts + known.sum(axis=0)
        sums = sums + np.where(known, logs, 0.0).sum(axis=0)
        least = np.minimum(least, np.where(known, values, np.inf).min(axis=0, initial=np.inf))
        most = np.maximum(most, np.where(known, values, -np.inf).max(axis=0, initial=-np.inf))
    return counts, sums, least, most


def _logs(batch: Batch, column: str, smallest: float) -> np.ndarray:
    values = getattr(batch, column)
    return np.log(np.where(np.isfinite(values), values + smallest, np.nan))


def _total(parts: Iterator[Any]) -> Any:
    return reduce(add, parts)
