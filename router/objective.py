"""Which option is worth its price: value × P(correct) − USD − value of time × seconds, the largest wins.

Only elementwise arithmetic on (n, R) arrays: a request decided alone and among a thousand gets the same bits.
"""

import math

import numpy as np

CHEAPEST, BEST = 0.0, math.inf


def utility(
    p: np.ndarray, usd: np.ndarray, value_usd: float, seconds: np.ndarray | None = None, usd_per_second: float = 0.0
) -> np.ndarray:
    """USD that each option is worth, (n, R). `value_usd` is what a correct answer is worth and must be finite."""
    worth = value_usd * p - usd
    return worth - usd_per_second * seconds if seconds is not None and usd_per_second else worth


def choose(
    p: np.ndarray,
    usd: np.ndarray,
    value_usd: float,
    feasible: np.ndarray | None = None,
    seconds: np.ndarray | None = None,
    usd_per_second: float = 0.0,
) -> np.ndarray:
    """The chosen column per row, (n,) int64; -1 where nothing is feasible.

    `value_usd` 0 asks for the cheapest, infinity for the most probably correct. Ties go to the cheaper option, then to
    the more probably correct one, then to the earlier column.
    """
    first = p if math.isinf(value_usd) else utility(p, usd, value_usd, seconds, usd_per_second)
    allowed = np.ones(p.shape, dtype=bool) if feasible is None else feasible
    score = np.where(allowed, first, -np.inf)
    tied = allowed & (score == score.max(axis=1, keepdims=True))
    paid = np.where(tied, usd, np.inf)
    cheapest = tied & (paid == paid.min(axis=1, keepdims=True))
    chosen = np.where(cheapest, p, -np.inf).argmax(axis=1)
    return np.where(allowed.any(axis=1), chosen, -1)


def weighed(p: np.ndarray, unlike: np.ndarray, caution: float) -> np.ndarray:
    """P(correct) (n, R) as it counts in a choice: `caution` times as much for a request wholly unlike the labels, and
    by as much less as `unlike` (n,) is nearer to 0. Between the routes of one request, order and ratio stay."""
    return p * (caution**unlike)[:, None]
