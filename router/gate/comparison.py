"""How far a candidate is from an incumbent: accuracy and the price of a correct answer, pooled over kinds of evidence.

Knows evidence and its variance; decides nothing. The price is compared by the logarithm of its ratio, so −0.1 is about
10 % cheaper per correct answer.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from router.gate.boundary import half_width
from router.gate.evidence import Evidence

LEAST = 20  # rows, and for prices rows on which the policies differ, before a variance means anything
# Sources that contradict each other beyond this p-value are not pooled.
HETEROGENEOUS = 0.005


@dataclass(frozen=True)
class Estimate:
    """A difference, candidate minus incumbent, and its information (one over its variance)."""

    value: float
    information: float


@dataclass(frozen=True)
class Difference:
    """One figure of one slice. [low, high] holds at every look together with probability 1 − level."""

    value: float | None
    low: float | None
    high: float | None
    information: float
    live_information: float
    by_source: dict[str, Estimate]
    contradictory: bool = False


@dataclass(frozen=True)
class Level:
    """What a policy does in a slice, per request."""

    accuracy: float
    usd: float

    @property
    def usd_per_correct(self) -> float | None:
        return self.usd / self.accuracy if self.accuracy > 0 else None


def accuracy_difference(one: Evidence) -> Estimate | None:
    """Mean of the paired differences of correctness; None with too little evidence. That they hardly ever differ is
    evidence as well."""
    if one.n < LEAST:
        return None
    d = one.correct[:, 1] - one.correct[:, 0]
    value = float(np.average(d, weights=one.stands_for))
    return Estimate(value, _information(one, d - value, float(max(1.0, np.max(d**2)))))


def price_difference(one: Evidence) -> Estimate | None:
    """Log of the ratio of USD per correct answer, by linearisation; None where a mean is not above zero."""
    if float(one.count[one.differ].sum()) < LEAST:
        return None
    usd, right = (np.average(cells, axis=0, weights=one.stands_for) for cells in (one.usd, one.correct))
    if (usd <= 0).any() or (right <= 0).any():
        return None
    relative = one.usd / usd - one.correct / right
    d = relative[:, 1] - relative[:, 0]
    value = math.log(usd[1] / right[1]) - math.log(usd[0] / right[0])
    return Estimate(value, _information(one, d, float(max(1.0, np.max(d**2)))))


def pooled(found: Sequence[tuple[Evidence, Estimate | None]], level: float, scale: float) -> Difference:
    """Estimates of independent samples as one, each weighed by its information."""
    known = [(one.source, one.live, estimate) for one, estimate in found if estimate is not None]
    total = sum(estimate.information for *_, estimate in known)
    live = sum(estimate.information for _, is_live, estimate in known if is_live)
    by_source = {source: estimate for source, _, estimate in known}
    if not known:
        return Difference(None, None, None, 0.0, 0.0, by_source)
    value = sum(estimate.value * estimate.information for *_, estimate in known) / total
    spread = sum(estimate.information * (estimate.value - value) ** 2 for *_, estimate in known)
    width = half_width(total, level / 2, scale)
    return Difference(value, value - width, value + width, total, live, by_source, _contradict(spread, len(known)))


def level_of(one: Evidence, column: int) -> Level:
    """Accuracy and USD per request of one policy, by one source: levels of several are not comparable."""
    accuracy, usd = (float(np.average(cells[:, column], weights=one.stands_for)) for cells in (one.correct, one.usd))
    return Level(accuracy, usd)


def _information(one: Evidence, error: np.ndarray, extreme: float) -> float:
    """One over the variance of a weighted mean. One unseen row as extreme as any seen is allowed for: a few rows that
    happen to agree are no certainty."""
    largest = float(one.weight.max(initial=0.0))
    squares = float(np.sum(one.count * (one.weight * error) ** 2)) + largest**2 * extreme
    return float(one.stands_for.sum()) ** 2 / squares if squares > 0 else 0.0


def _contradict(spread: float, sources: int) -> bool:
    """Cochran's Q of two or three sources, by the normal approximation of Wilson and Hilferty."""
    freedom = sources - 1
    if freedom < 1:
        return False
    z = ((spread / freedom) ** (1 / 3) - (1 - 2 / (9 * freedom))) / math.sqrt(2 / (9 * freedom))
    return 1 - NormalDist().cdf(z) < HETEROGENEOUS
