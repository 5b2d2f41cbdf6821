"""The last eight days of spend in five-minute buckets, by tenant and tier, in memory. Knows sums, not what is odd."""

from collections.abc import Mapping

import numpy as np

BUCKET_SECONDS = 300
DAY = 86_400 // BUCKET_SECONDS
HOUR = 3_600 // BUCKET_SECONDS
KEPT = 8 * DAY

Key = tuple[str, str]  # a measure and whose it is: ("usd", ""), ("calls", ""), ("tenant_usd", "acme"), …


class SpendSeries:
    """A ring of buckets per key. Buckets are counted from 1970."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.newest: int | None = None
        self._rings: dict[Key, np.ndarray] = {}

    def put(self, bucket: int, sums: Mapping[Key, float]) -> None:
        """Set a bucket's sums; put again as late reports come. Buckets before the kept eight days are let go."""
        if self.newest is None or self.first is None:
            self.first = self.newest = bucket
        if bucket <= self.newest - KEPT:
            return
        self._forward(bucket)
        self.first = min(self.first, bucket)
        place = bucket % KEPT
        for key, ring in self._rings.items():
            ring[place] = sums.get(key, 0.0)
        for key in sums.keys() - self._rings.keys():
            self._rings[key] = np.zeros(KEPT)
            self._rings[key][place] = sums[key]

    def names(self, measure: str) -> list[str]:
        return [name for kind, name in self._rings if kind == measure]

    def last(self, key: Key, end: int, count: int) -> float:
        """The sum of the `count` buckets before `end`."""
        return float(self.history(key, end, count).sum())

    def history(self, key: Key, end: int, count: int) -> np.ndarray:
        """The `count` buckets before `end`, oldest first; fewer where the series is younger."""
        ring = self._rings.get(key)
        if ring is None or self.first is None or self.newest is None:
            return np.zeros(0)
        start = max(end - count, self.first, self.newest - KEPT + 1)
        if start >= end:
            return np.zeros(0)
        low, high = start % KEPT, (end - 1) % KEPT + 1
        return ring[low:high] if low < high else np.concatenate([ring[low:], ring[:high]])

    def _forward(self, bucket: int) -> None:
        assert self.newest is not None
        for ahead in range(self.newest + 1, min(bucket, self.newest + KEPT) + 1):
            for ring in self._rings.values():
                ring[ahead % KEPT] = 0.0
        self.newest = max(self.newest, bucket)
