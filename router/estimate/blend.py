"""How the members' log-odds become one calibrated P(correct) per route, and how sure that is. Inference only.

A blend weighs what members say of a request's level (the mean over routes) apart from what they say of the contrasts
between routes: a member can know how hard a request is and little of who can do it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from router.estimate.members import expit

LEAST_P = 0.002
WIDTH_Z = 1.96
# A request unlike every label is as uncertain as if this many labels spoke for it.
LABELS_WHEN_UNLIKE = 4.0


@dataclass(frozen=True)
class Blend:
    """`level` and `contrast` weigh the members; `shift` and `slope` (R,) calibrate each route's log-odds."""

    level: np.ndarray
    contrast: np.ndarray
    shift: np.ndarray
    slope: np.ndarray

    def log_odds(self, base: np.ndarray, members: np.ndarray) -> np.ndarray:
        """`base` (R,), `members` (M, R), both log-odds."""
        return log_odds_of((self,), base, members)[0]


def log_odds_of(blends: Sequence[Blend], base: np.ndarray, members: np.ndarray) -> list[np.ndarray]:
    """Calibrated log-odds (R,) of one request by each blend; `base` (R,) and `members` (M, R) are log-odds."""
    said = members - base
    level = said.sum(axis=1) / said.shape[1]
    contrast = said - level[:, None]
    return [one.shift + one.slope * (base + one.level @ level + one.contrast @ contrast) for one in blends]


@dataclass(frozen=True)
class Familiarity:
    """How unlike the labels a request is, 0..1, by the mean similarity of its nearest labelled requests."""

    intercept: float
    slope: float

    def unlike(self, similarity: float) -> float:
        return float(1.0 / (1.0 + np.exp(-(self.intercept + self.slope * similarity))))


@dataclass(frozen=True)
class Drift:
    """How far the outcomes of a family without labels lie from its estimates: a standard deviation of log-odds, which
    counts in full from where `reach` × unlike is 1 on."""

    spread: float = 0.0
    reach: float = 0.0


NO_DRIFT = Drift()


@dataclass(frozen=True)
class Evidence:
    """What held-out labels of similar estimate showed: per route on a grid of estimates, share correct and how many."""

    grid: np.ndarray
    share: np.ndarray
    count: np.ndarray

    def interval(self, p: np.ndarray, unlike: float, drift: Drift = NO_DRIFT) -> tuple[np.ndarray, np.ndarray]:
        """95 % bounds (R,): Wilson's, for as many labels as speak for this estimate, widened by what requests unlike
        the labels drift; they contain p."""
        place = np.minimum(p * (len(self.grid) - 1), len(self.grid) - 1.000001)
        left = place.astype(np.int64)
        part = place - left
        route = np.arange(len(p))
        share = self.share[route, left] * (1 - part) + self.share[route, left + 1] * part
        count = self.count[route, left] * (1 - part) + self.count[route, left + 1] * part
        count = count * (1 - unlike) + np.minimum(count, LABELS_WHEN_UNLIKE) * unlike
        low, high = wilson(np.array([np.minimum(p, share), np.maximum(p, share)]), count)
        variance = min(drift.reach * unlike, 1.0) * (WIDTH_Z * drift.spread) ** 2
        return (low[0], high[1]) if not variance else _widened(p, low[0], high[1], variance)


def _widened(p: np.ndarray, low: np.ndarray, high: np.ndarray, variance: float) -> tuple[np.ndarray, np.ndarray]:
    """Bounds whose distances from p, in log-odds, have a variance added."""
    at, below, above = (_logit(one) for one in (p, low, high))
    return expit(at - np.sqrt((at - below) ** 2 + variance)), expit(at + np.sqrt((above - at) ** 2 + variance))


def _logit(p: np.ndarray) -> np.ndarray:
    p = np.minimum(np.maximum(p, LEAST_P), 1.0 - LEAST_P)
    return np.log(p / (1.0 - p))


def wilson(share: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    z2 = WIDTH_Z * WIDTH_Z
    centre = (share * count + z2 / 2) / (count + z2)
    half = WIDTH_Z * np.sqrt(count * share * (1 - share) + z2 / 4) / (count + z2)
    return np.maximum(np.minimum(centre - half, share), 0.0), np.minimum(np.maximum(centre + half, share), 1.0)


def probability(log_odds: np.ndarray) -> np.ndarray:
    return np.minimum(np.maximum(expit(log_odds), LEAST_P), 1.0 - LEAST_P)
