"""One stream of numbers that should keep its level, and the detector that follows it.

A stream either knows its level (a calibrated policy's residuals have mean zero) or learns it from its first values.
"""

import math
from bisect import bisect_left, bisect_right
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from router.sequential import MeanDetector

Kind = Literal["inputs", "calibration", "cost", "latency"]
REFERENCE = 500
# How far a mean may be off before it counts: of ranks that were learned from 500 values (standard error .013), of
# residuals whose level is known, and of residuals whose level was learned (standard error .02).
RANK_TOLERANCE, RESIDUAL_TOLERANCE, LEARNED_TOLERANCE = 0.04, 0.01, 0.03
RECENT = 500
BLOCKS_PER_WEEK, STREAMS = 10_080, 64  # one block a minute at most; so many streams at most
THRESHOLD = math.log(BLOCKS_PER_WEEK * STREAMS)  # then they cry less than once a week, all together


@dataclass
class RankStream:
    """Values on any scale: each becomes its rank among the first 500, from 0 to 1, whose mean should stay one half."""

    reference: list[float] = field(default_factory=list)
    detector: MeanDetector = field(default_factory=lambda: MeanDetector(0.5 - RANK_TOLERANCE, 0.5 + RANK_TOLERANCE))
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    n: int = 0

    def feed(self, values: np.ndarray) -> np.ndarray:
        """Take values in; their ranks, of those beyond the reference."""
        room = max(REFERENCE - len(self.reference), 0)
        if room:
            self.reference += values[:room].tolist()
            if len(self.reference) >= REFERENCE:
                self.reference.sort()
        ranks = self.ranks(values[room:])
        self.detector.feed(ranks)
        self.recent.extend(values[room:].tolist())
        self.n += len(values)
        return ranks

    def ranks(self, values: np.ndarray) -> np.ndarray:
        """Ranks from 0 to 1 among the reference; ties stand in the middle of theirs."""
        ranks = [bisect_left(self.reference, one) + bisect_right(self.reference, one) for one in values.tolist()]
        return np.array(ranks, dtype=float) / (2 * REFERENCE)

    def levels(self) -> tuple[float, float]:
        """The medians of the reference and of the latest values."""
        return _median(self.reference), _median(list(self.recent))


@dataclass
class PooledStream:
    """Ranks that other streams made: what all of them show together, whatever their mix."""

    detector: MeanDetector = field(default_factory=lambda: MeanDetector(0.5 - RANK_TOLERANCE, 0.5 + RANK_TOLERANCE))
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    n: int = 0

    def feed(self, ranks: np.ndarray) -> None:
        self.detector.feed(ranks)
        self.recent.extend(ranks.tolist())
        self.n += len(ranks)

    def levels(self) -> tuple[float, float]:
        """Mean ranks: as they should be, and lately."""
        return 0.5, float(np.mean(self.recent)) if self.recent else math.nan


class ResidualStream:
    """Reported minus predicted correctness, within [-1, 1]. `learn`: the level is that of the first 500."""

    def __init__(self, learn: bool) -> None:
        self._waiting: list[float] | None = [] if learn else None
        self.level = 0.0
        self.recent: deque[float] = deque(maxlen=RECENT)
        self.n = 0
        self.detector = self._around(0.0, RESIDUAL_TOLERANCE)

    def feed(self, residuals: np.ndarray) -> None:
        self.n += len(residuals)
        if self._waiting is not None:
            room = REFERENCE - len(self._waiting)
            self._waiting += residuals[:room].tolist()
            residuals = residuals[room:]
            if len(self._waiting) < REFERENCE:
                return
            self.level = float(np.mean(self._waiting))
            self.detector, self._waiting = self._around(self.level, LEARNED_TOLERANCE), None
        self.detector.feed((residuals + 1) / 2)
        self.recent.extend(residuals.tolist())

    def levels(self) -> tuple[float, float]:
        """The mean residual as it should be, and lately."""
        return self.level, float(np.mean(self.recent)) if self.recent else math.nan

    @staticmethod
    def _around(level: float, tolerance: float) -> MeanDetector:
        return MeanDetector((level - tolerance + 1) / 2, (level + tolerance + 1) / 2)


def _median(values: list[float]) -> float:
    return float(np.median(values)) if values else math.nan
