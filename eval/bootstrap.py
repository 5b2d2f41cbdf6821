"""Paired bootstrap over queries: every policy and every figure is seen in the same resampled worlds.

A world is a row of query weights (how often each query was drawn); figures come from weighted means, so that a thousand
worlds are a few matrix products. The draws are fixed by the seed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_BLOCK = 128  # worlds at a time; bounds the memory at a few times 128 x queries numbers
_TAILS = (2.5, 97.5)


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval; None where it is not defined (a target out of reach, nothing to divide by).

    `defined` is the share of resampled worlds in which the figure exists: the interval speaks of those only.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    defined: float = 1.0

    @property
    def above_zero(self) -> bool:
        return self.low is not None and self.low > 0

    @property
    def below_zero(self) -> bool:
        return self.high is not None and self.high < 0


def number(value: float) -> float | None:
    """JSON knows neither NaN nor infinity."""
    return float(value) if np.isfinite(value) else None


def estimate(value: float, replicates: np.ndarray) -> Estimate:
    known = replicates[np.isfinite(replicates)]
    if not len(known):
        return Estimate(number(value), defined=0.0 if len(replicates) else 1.0)
    low, high = np.percentile(known, _TAILS)
    return Estimate(number(value), float(low), float(high), len(known) / len(replicates))


def draw_weights(n: int, replicates: int, seed: int) -> Iterator[np.ndarray]:
    """Blocks (b, n) of query weights."""
    rng = np.random.default_rng(seed)
    for start in range(0, replicates, _BLOCK):
        size = min(_BLOCK, replicates - start)
        yield np.stack([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(size)]).astype(float)


def mean_estimates(columns: np.ndarray, replicates: int, seed: int) -> list[Estimate]:
    """The mean of each column of (n, C), with its interval; pass differences for a paired comparison."""
    n = len(columns)
    drawn = [weights @ columns / n for weights in draw_weights(n, replicates, seed)]
    resampled = np.concatenate(drawn) if drawn else np.empty((0, columns.shape[1]))
    return [estimate(value, resampled[:, i]) for i, value in enumerate(columns.mean(axis=0))]


def ratio_estimates(above: np.ndarray, below: np.ndarray, replicates: int, seed: int) -> list[Estimate]:
    """sum(above) / sum(below) per column of (n, C), as in "share of the spend saved" or "USD per correct answer"."""
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = [(weights @ above) / (weights @ below) for weights in draw_weights(len(above), replicates, seed)]
        resampled = np.concatenate(drawn) if drawn else np.empty((0, above.shape[1]))
        whole = above.sum(axis=0) / below.sum(axis=0)
    return [estimate(value, resampled[:, i]) for i, value in enumerate(whole)]
