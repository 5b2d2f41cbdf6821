"""Tests and detectors that may be looked at after every observation. Numbers only.

A test's e-value grows only while its hypothesis is wrong: it ever exceeds 1/a with probability at most a (Ville). A
detector (Shin, Ramdas & Rinaldo 2023) never ends: it restarts at every moment at once, and by itself it takes at least
`threshold` blocks on average until it cries.
"""

import math
from dataclasses import dataclass, field

import numpy as np

SHARES = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.8])  # how much of the largest bet each of the gamblers places
_MOST_LOG = 700.0


def rate_e_value(count: float, n: float, most: float) -> float:
    """The evidence that a rate exceeds `most`, from `count` in `n`: a mixture of likelihood ratios over larger rates.

    Valid at any time and in any order, for it depends on the counts alone.
    """
    if not 0 < most < 1 or n <= 0:
        return 1.0
    rates = most + (1 - most) * (np.arange(40) + 0.5) / 40
    ratios = count * np.log(rates / most) + (n - count) * np.log((1 - rates) / (1 - most))
    return float(np.exp(np.minimum(_log_mean(ratios), _MOST_LOG)))


def mean_bounds(values: np.ndarray, level: float = 0.05, least: int = 50, tuned_to: int = 500) -> tuple[float, float]:
    """Bounds of a mean that hold at all times at once, about: an asymptotic confidence sequence (Waudby-Smith, Arbour,
    Sinha, Kennedy & Ramdas 2024, eq. 4), tightest near `tuned_to` values. Infinite with fewer than `least` values."""
    n = len(values)
    if n < least:
        return -math.inf, math.inf
    log = -2 * math.log(level)
    rho2 = (log + math.log(log + 1)) / tuned_to
    spread = n * rho2 + 1
    half = float(values.std()) * math.sqrt(2 * spread / (n * n * rho2) * math.log(math.sqrt(spread) / level))
    middle = float(values.mean())
    return middle - half, middle + half


@dataclass
class MeanDetector:
    """Cries when the mean of values within [0, 1] leaves [low, high]. Two-sided; feed it blocks of any size.

    The statistic is Shiryaev and Roberts's over e-values of bets with several stakes: M becomes (M + 1) E after a block
    whose product of e-values is E.
    """

    low: float
    high: float
    up: np.ndarray = field(default_factory=lambda: np.full(len(SHARES), -np.inf))
    down: np.ndarray = field(default_factory=lambda: np.full(len(SHARES), -np.inf))

    def feed(self, values: np.ndarray) -> None:
        if not len(values):
            return
        up = SHARES / max(self.high, 1e-9) if self.high < 1 else np.zeros(len(SHARES))
        down = SHARES / max(1 - self.low, 1e-9) if self.low > 0 else np.zeros(len(SHARES))
        self.up = np.logaddexp(self.up, 0.0) + np.log1p(np.outer(up, values - self.high)).sum(axis=1)
        self.down = np.logaddexp(self.down, 0.0) + np.log1p(np.outer(down, self.low - values)).sum(axis=1)

    @property
    def log_evidence(self) -> float:
        """The logarithm of the larger side's statistic: the mean of the gamblers'."""
        return max(_log_mean(self.up), _log_mean(self.down))

    @property
    def side(self) -> str:
        return "up" if _log_mean(self.up) >= _log_mean(self.down) else "down"


def _log_mean(logs: np.ndarray) -> float:
    top = float(logs.max())
    return top if math.isinf(top) else top + math.log(float(np.exp(logs - top).mean()))
