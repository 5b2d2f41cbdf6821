"""Intervals for means and ratios of logged contributions. Knows numbers only."""

import math
from collections.abc import Sequence

import numpy as np

from router.off_policy.estimators import Contributions

_CELLS = 2_000_000  # resampled rows at a time
Interval = tuple[float, float]


def bootstrap_intervals(
    made: Sequence[Contributions], level: float = 0.05, replicates: int = 1000, seed: int = 0
) -> list[Interval]:
    """The percentile bootstrap over logged decisions: all estimators are seen in the same resampled logs."""
    n = len(made[0].above)
    if n < 2:
        return [(math.nan, math.nan)] * len(made)
    above, below = (np.column_stack([getattr(one, side) for one in made]) for side in ("above", "below"))
    rng, values = np.random.default_rng(seed), []
    block = max(1, min(replicates, _CELLS // n))
    for start in range(0, replicates, block):
        count = min(block, replicates - start)
        drawn = rng.integers(0, n, (count, n)) + n * np.arange(count)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=count * n).reshape(count, n).astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            values.append((weights @ above) / (weights @ below))
    limits = np.nanquantile(np.concatenate(values), [level / 2, 1 - level / 2], axis=0)
    return [(float(low), float(high)) for low, high in limits.T]


def bernstein_interval(of: Contributions, level: float = 0.05, spread: float | None = None) -> Interval:
    """Empirical Bernstein: valid at any n for contributions within a range of `spread` (Maurer & Pontil 2009, thm. 4).

    `spread` None takes the range that was seen, which is a hope and not a bound. Ratios have no such interval.
    """
    n = len(of.above)
    if n < 2 or not np.all(of.below == 1.0):
        return math.nan, math.nan
    width = float(np.ptp(of.above)) if spread is None else spread
    log = math.log(4.0 / level)
    half = math.sqrt(2.0 * float(np.var(of.above, ddof=1)) * log / n) + 7.0 * width * log / (3.0 * (n - 1))
    return of.value - half, of.value + half
