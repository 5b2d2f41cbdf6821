"""Intervals for means and ratios of logged contributions. Knows numbers only."""

import math

import numpy as np

from router.off_policy.estimators import Contributions

_CELLS = 4_000_000  # numbers drawn at a time


def bootstrap_interval(
    of: Contributions, level: float = 0.05, replicates: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """The percentile bootstrap over logged decisions: multinomial resamples."""
    n = len(of.above)
    if n < 2:
        return math.nan, math.nan
    rng, values = np.random.default_rng(seed), []
    block = max(1, min(replicates, _CELLS // n))
    for start in range(0, replicates, block):
        drawn = rng.multinomial(n, np.full(n, 1.0 / n), size=min(block, replicates - start)).astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            values.append((drawn @ of.above) / (drawn @ of.below))
    low, high = np.nanquantile(np.concatenate(values), [level / 2, 1 - level / 2])
    return float(low), float(high)


def bernstein_interval(of: Contributions, level: float = 0.05, spread: float | None = None) -> tuple[float, float]:
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
