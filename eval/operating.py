"""What is drawn and tabled of policies one by one: operating points, single routes, curves. Compares nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eval.bootstrap import Estimate, mean_estimates, number, ratio_estimates
from eval.metrics import upper_hulls
from eval.sweeps import Decided, Sweep
from router.labels import LabelMatrix


@dataclass(frozen=True)
class OperatingPoint:
    """One point of the sweep, per request; expectations are what the policy had estimated before it asked."""

    point: int
    usd: Estimate
    accuracy: Estimate
    usd_per_correct: Estimate
    expected_usd: float | None
    expected_accuracy: float | None
    route_shares: dict[str, float]
    on_hull: bool
    chosen: bool


@dataclass(frozen=True)
class SingleRoute:
    route: str
    usd: float
    accuracy: Estimate
    usd_per_correct: float | None


@dataclass(frozen=True)
class Curve:
    """A policy as it is drawn: its points, from the cheapest."""

    name: str
    label: str
    usd: tuple[float, ...]
    accuracy: tuple[float, ...]


def operating_points(
    decided: Decided, data: LabelMatrix, at: int, replicates: int, seed: int
) -> tuple[OperatingPoint, ...]:
    sweep = decided.sweep
    usd, accuracy = (mean_estimates(cells, replicates, seed) for cells in (sweep.usd, sweep.correct))
    price = ratio_estimates(sweep.usd, sweep.correct, replicates, seed)
    expected = decided.expected_usd.mean(axis=0), decided.p_correct.mean(axis=0)
    on_hull = _on_hull(sweep)
    return tuple(
        OperatingPoint(
            point,
            usd[i],
            accuracy[i],
            price[i],
            number(expected[0][i]),
            number(expected[1][i]),
            _shares(sweep, i, data),
            bool(on_hull[i]),
            i == at,
        )
        for i, point in enumerate(decided.points)
    )


def _on_hull(sweep: Sweep) -> np.ndarray:
    usd, accuracy = sweep.usd.mean(axis=0), sweep.correct.mean(axis=0)
    return np.asarray(accuracy >= upper_hulls(usd[None], accuracy[None]).at(usd[None])[0] - 1e-12)


def _shares(sweep: Sweep, i: int, data: LabelMatrix) -> dict[str, float]:
    """Which share of the queries each route answers, the largest first."""
    assert sweep.picks is not None
    counts = np.bincount(sweep.picks[:, i], minlength=len(data.routes)) / len(sweep.picks)
    return {data.routes[j].key: float(counts[j]) for j in np.argsort(-counts, kind="stable") if counts[j] > 0}


def cheapest_per_correct(points: Sequence[OperatingPoint]) -> int | None:
    known = [(one.usd_per_correct.value, one.point) for one in points if one.usd_per_correct.value is not None]
    return min(known)[1] if known else None


def single_table(singles: Sweep, data: LabelMatrix, replicates: int, seed: int) -> tuple[SingleRoute, ...]:
    usd, accuracy = singles.usd.mean(axis=0), mean_estimates(singles.correct, replicates, seed)
    per_correct = [float(usd[j] / one.value) if one.value else None for j, one in enumerate(accuracy)]
    order = np.argsort(usd, kind="stable")
    return tuple(SingleRoute(data.routes[j].key, float(usd[j]), accuracy[j], per_correct[j]) for j in order)


def curve(sweep: Sweep) -> Curve:
    usd, accuracy = sweep.usd.mean(axis=0), sweep.correct.mean(axis=0)
    order = np.lexsort((accuracy, usd))
    return Curve(sweep.name, sweep.label, *(tuple(map(float, x[order])) for x in (usd, accuracy)))
