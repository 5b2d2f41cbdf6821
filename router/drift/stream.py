"""One stream of numbers that should keep its level, and the detector that follows it.

A stream either knows its level (a calibrated policy's residuals have mean zero) or learns it from its first values.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from router.sequential import MeanDetector

Kind = Literal["inputs", "calibration", "cost", "latency"]
REFERENCE = 500  # values to learn a level from before anything is compared with it
# Until so many the level is learned better while it is used: with the volume of several busy processes, what 500 values
# missed it by would in the end be taken for drift (once in 500 streams of ranks, once in 8 of residuals).
RANKS_LEARNED, RESIDUALS_LEARNED = 1_000, 3_000
# How far a mean may be off before it counts: of ranks among 500 to 1,000 values (standard error .013 to .009), of
# residuals whose level is known, and of residuals whose level was learned (standard error .02 to .007).
RANK_TOLERANCE, RESIDUAL_TOLERANCE, LEARNED_TOLERANCE = 0.04, 0.01, 0.03
RECENT = 500
BLOCKS_PER_WEEK, STREAMS = 10_080, 64  # one block a minute at most; so many streams at most
THRESHOLD = math.log(BLOCKS_PER_WEEK * STREAMS)  # then they cry less than once a week, all together


@dataclass
class RankStream:
    """Values on any scale: each becomes its rank among the first 500, and those after them until 1,000, from 0 to 1;
    its mean should stay one half."""

    reference: np.ndarray = field(default_factory=lambda: np.zeros(0))
    detector: MeanDetector = field(default_factory=lambda: MeanDetector(0.5 - RANK_TOLERANCE, 0.5 + RANK_TOLERANCE))
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    n: int = 0

    def feed(self, values: np.ndarray) -> np.ndarray:
        """Take values in; their ranks, of those beyond the reference."""
        room = max(REFERENCE - len(self.reference), 0)
        if room:
            self.reference = np.sort(np.concatenate([self.reference, values[:room]]))
        known, ranks = values[room:], self.ranks(values[room:])
        self.detector.feed(ranks)
        self.recent.extend(known.tolist())
        self.n += len(values)
        if len(known) and len(self.reference) < RANKS_LEARNED:
            more = known[: RANKS_LEARNED - len(self.reference)]
            self.reference = np.sort(np.concatenate([self.reference, more]))
        return ranks

    def ranks(self, values: np.ndarray) -> np.ndarray:
        """Ranks from 0 to 1 among the reference; ties stand in the middle of theirs."""
        below, up_to = (np.searchsorted(self.reference, values, side) for side in ("left", "right"))
        return np.asarray((below + up_to) / max(2 * len(self.reference), 1))

    def levels(self) -> tuple[float, float]:
        """The medians of the reference and of the latest values."""
        return _median(self.reference), _median(np.array(self.recent))


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
    """Reported minus predicted correctness, within [-1, 1]. `learn`: the level is that of the first 500, and those
    after them until 3,000."""

    def __init__(self, learn: bool) -> None:
        self._at_first, self._in_all = (REFERENCE, RESIDUALS_LEARNED) if learn else (0, 0)
        self._learned, self._sum = 0, 0.0
        self.level = 0.0
        self.recent: deque[float] = deque(maxlen=RECENT)
        self.n = 0
        self.detector = self._around(0.0, RESIDUAL_TOLERANCE)

    def feed(self, residuals: np.ndarray) -> None:
        self.n += len(residuals)
        first = max(self._at_first - self._learned, 0)
        self._learn(residuals[:first])
        rest = residuals[first:]
        self.detector.feed((rest + 1) / 2)
        self.recent.extend(rest.tolist())
        self._learn(rest[: self._in_all - self._learned])

    def _learn(self, residuals: np.ndarray) -> None:
        """The values that follow are compared with what was learned by then, so the detector's bets stay fair."""
        if len(residuals):
            self._learned, self._sum = self._learned + len(residuals), self._sum + float(residuals.sum())
            self.level = self._sum / self._learned
            around = self._around(self.level, LEARNED_TOLERANCE)
            self.detector.low, self.detector.high = around.low, around.high

    def levels(self) -> tuple[float, float]:
        """The mean residual as it should be, and lately."""
        return self.level, float(np.mean(self.recent)) if self.recent else math.nan

    @staticmethod
    def _around(level: float, tolerance: float) -> MeanDetector:
        return MeanDetector((level - tolerance + 1) / 2, (level + tolerance + 1) / 2)


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if values.size else math.nan
