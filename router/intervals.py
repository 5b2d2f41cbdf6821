"""95 % intervals of shares, means and paired differences, from their sums.

For reading, not for stopping: whoever looks every hour and acts on what they see needs a sequential test.
"""

import math
from dataclasses import dataclass

from scipy.stats import beta, t

Z = 1.959964


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval; NaN where nothing is known."""

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float | None]:
        return {name: value if math.isfinite(value) else None for name, value in vars(self).items()}


def share(count: float, n: int) -> Interval:
    """A share (Wilson's interval)."""
    if not n:
        return Interval(math.nan, math.nan, math.nan)
    p, square = count / n, Z * Z
    middle = (p + square / (2 * n)) / (1 + square / n)
    half = Z * math.sqrt(p * (1 - p) / n + square / (4 * n * n)) / (1 + square / n)
    return Interval(p, min(p, middle - half), max(p, middle + half))


def exact_share(count: int, n: int) -> Interval:
    """A share with the interval of Clopper and Pearson, which covers at least as often as it says."""
    if not n:
        return Interval(math.nan, 0.0, 1.0)
    low = float(beta.ppf(0.025, count, n - count + 1)) if count else 0.0
    high = float(beta.ppf(0.975, count + 1, n - count)) if count < n else 1.0
    return Interval(count / n, low, high)


def mean(total: float, squares: float, n: int) -> Interval:
    """A mean of n values from their sum and the sum of their squares (Student's t). One value shows no spread."""
    if not n:
        return Interval(math.nan, math.nan, math.nan)
    value = total / n
    if n == 1:
        return Interval(value, -math.inf, math.inf)
    variance = max(squares - total * value, 0.0) / (n - 1)
    half = float(t.ppf(0.975, n - 1)) * math.sqrt(variance / n)
    return Interval(value, value - half, value + half)


def correctness_difference(total: float, squares: float, n: int) -> Interval:
    """The mean difference of two paired shares of right answers, from the sums of differences and of their squares.

    Agresti & Min (2005) add half a pair to each kind before Wald's interval, so that a handful of pairs without any
    difference does not look like certainty.
    """
    if not n:
        return Interval(math.nan, math.nan, math.nan)
    more = n + 2
    middle = total / more
    half = Z * math.sqrt(max(squares + 1 - total * total / more, 0.0)) / more
    return Interval(total / n, max(middle - half, -1.0), min(middle + half, 1.0))
