"""Intervals for means and ratios of logged contributions. Knows numbers only."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

from router.off_policy.estimators import Contributions

LEAST_FREEDOM = 2.0
_CELLS = 2_000_000  # resampled rows at a time
Interval = tuple[float, float]


def student_interval(of: Contributions, level: float = 0.05) -> Interval:
    """Student's t with as many degrees of freedom as the contributions' spread is known by: (Σe²)² / Σe⁴
    (Satterthwaite 1946, moments of one sample). A few large ratios that carry the estimate carry its standard error
    as well, which is then too small where they were not drawn; a normal interval trusts it."""
    n, error = len(of.above), of.error
    squares = float((error**2).sum())
    if n < 2:
        return math.nan, math.nan
    if squares == 0:
        return of.value, of.value
    freedom = max(squares**2 / float((error**4).sum()), LEAST_FREEDOM)
    half = float(stdtrit(freedom, 1 - level / 2)) * math.sqrt(squares) / n / abs(float(of.below.mean()))
    return of.value - half, of.value + half


def bootstrap_intervals(
    made: Sequence[Contributions], level: float = 0.05, replicates: int = 1000, seed: int = 0
) -> list[Interval]:
    """The studentised bootstrap over logged decisions (Efron & Tibshirani 1993, ch. 12.5): all estimators are seen in
    the same resampled logs. Percentiles alone are too narrow where a few large ratios carry the estimate."""
    n = len(made[0].above)
    if n < 2:
        return [(math.nan, math.nan)] * len(made)
    value = np.array([one.value for one in made])
    below = np.column_stack([one.below for one in made])
    error = np.column_stack([one.error for one in made])
    rng, drawn_t = np.random.default_rng(seed), []
    block = max(1, min(replicates, _CELLS // n))
    for start in range(0, replicates, block):
        count = min(block, replicates - start)
        drawn = rng.integers(0, n, (count, n)) + n * np.arange(count)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=count * n).reshape(count, n).astype(np.float64)
        drawn_t.append(_studentised(weights, error))
    scale = error.std(axis=0) / math.sqrt(n) / np.abs(below.mean(axis=0))
    limits = np.nanquantile(np.concatenate(drawn_t), [1 - level / 2, level / 2], axis=0)
    low, high = value - limits * scale
    return [(float(a), float(b)) for a, b in zip(low, high)]


def _studentised(weights: np.ndarray, error: np.ndarray) -> np.ndarray:
    """(B, E): how far each resample's estimate is off, in its own standard errors; the scale of `below` cancels."""
    n = error.shape[0]
    mean, square = weights @ error / n, weights @ error**2 / n
    spread = np.sqrt(np.maximum(square - mean**2, 0.0) / n)
    return np.divide(mean, spread, out=np.zeros_like(mean), where=spread > 0)


def bernstein_interval(of: Contributions, level: float = 0.05, spread: float | None = None) -> Interval:
    """Empirical Bernstein: valid at any n for contributions within a range of `spread` (Maurer & Pontil 2009, thm. 4).

    `spread` None takes the range that was seen, which is a hope and not a bound. Ratios have no such interval.
    """
    n = len(of.above)
    if n < 2 or not np.all(of.below == 1.0):
        return math.nan, math.nan
    error = of.error
    width = float(np.ptp(error)) if spread is None else spread
    log = math.log(4.0 / level)
    half = math.sqrt(2.0 * float(np.var(error, ddof=1)) * log / n) + 7.0 * width * log / (3.0 * (n - 1))
    return of.value - half, of.value + half
