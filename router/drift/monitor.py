"""Every stream of one policy, fed block by block, and the drift that they show. Knows numbers and slices; no sources.

One block a minute at most, and 64 streams at most: with the threshold of `router.drift.stream` all of them together cry
less than once a week while nothing changes. Per slice only the busiest are followed.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from router.drift.stream import STREAMS, THRESHOLD, Kind, PooledStream, RankStream, ResidualStream

ALL = "all"
Key = tuple[Kind, str, str]  # what, which number, which slice
Stream = RankStream | PooledStream | ResidualStream


@dataclass(frozen=True)
class Value:
    """A number of a stream: `kind` and `name` say which, `unit` is what it is compared within (a route, a tenant)."""

    kind: Kind
    name: str
    unit: str
    value: float


@dataclass(frozen=True)
class Drift:
    """A stream that left its level: the slice, the level before and now, and how sure that is (a logarithm)."""

    kind: Kind
    name: str
    where: str
    side: str
    before: float
    now: float
    n: int
    log_evidence: float

    def evidence(self) -> dict[str, Any]:
        return {name: value if value == value else None for name, value in vars(self).items()}


class DriftMonitor:
    """Call from one thread, once a minute at most. Made anew for every policy."""

    def __init__(self) -> None:
        self._streams: dict[Key, Stream] = {}
        self._seen: Counter[Key] = Counter()

    def feed(self, values: Iterable[Value], columns: Iterable[tuple[Key, np.ndarray]] = ()) -> list[Drift]:
        """Take a block in, one by one or many of a stream at once; what drifted. A stream that cried begins anew, at
        the level that it found."""
        single: dict[Key, list[float]] = defaultdict(list)
        for one in values:
            single[one.kind, one.name, one.unit].append(one.value)
        blocks: dict[Key, list[np.ndarray]] = defaultdict(list)
        for key, numbers in (*((key, np.array(each)) for key, each in single.items()), *columns):
            blocks[key].append(numbers[np.isfinite(numbers)])
        pooled: dict[Key, list[np.ndarray]] = defaultdict(list)
        for key, parts in blocks.items():
            if len(block := np.concatenate(parts)):
                self._seen[key] += len(block)
                pooled[key[0], key[1], ALL].append(self._fed(key, block))
        for key, parts in pooled.items():
            self._pool(key, np.concatenate(parts))
        return self._drifted()

    def state(self) -> list[Mapping[str, Any]]:
        """Where every stream stands, the most suspicious first."""
        found = [_standing(key, stream) for key, stream in self._streams.items()]
        return sorted(found, key=lambda one: -(one["log_evidence"] or -math.inf))

    def _fed(self, key: Key, numbers: np.ndarray) -> np.ndarray:
        """What the pool is told of a block: residuals, or ranks within the unit."""
        stream = self._streams.get(key)
        if stream is None and not self._has_room(key):
            return numbers if key[0] == "calibration" else np.zeros(0)
        if key[0] == "calibration":
            stream = stream or ResidualStream(learn=True)
            stream.feed(numbers)
            self._streams[key] = stream
            return numbers
        ranked = stream if isinstance(stream, RankStream) else RankStream()
        self._streams[key] = ranked
        return ranked.feed(numbers)

    def _pool(self, key: Key, numbers: np.ndarray) -> None:
        if key not in self._streams:
            self._streams[key] = ResidualStream(learn=False) if key[0] == "calibration" else PooledStream()
        self._streams[key].feed(numbers)

    def _has_room(self, key: Key) -> bool:
        """Room is kept for the pools; beyond it a new slice takes the place of one that was seen a tenth as often."""
        if len(self._streams) < STREAMS - 12:
            return True
        slices = [one for one in self._streams if one[2] != ALL]
        rarest = min(slices, key=lambda one: self._seen[one])
        if self._seen[key] > 10 * self._seen[rarest]:
            del self._streams[rarest]
            return True
        return False

    def _drifted(self) -> list[Drift]:
        found = []
        for (kind, name, where), stream in list(self._streams.items()):
            evidence = stream.detector.log_evidence
            if evidence > THRESHOLD:
                before, now = stream.levels()
                found.append(Drift(kind, name, where, stream.detector.side, before, now, stream.n, evidence))
                fresh = ResidualStream(learn=True) if isinstance(stream, ResidualStream) else type(stream)()
                self._streams[kind, name, where] = fresh
                if where == ALL and isinstance(stream, PooledStream):
                    self._relearn(kind, name)
        return found

    def _relearn(self, kind: Kind, name: str) -> None:
        """The slices behind a pool that moved have moved: they learn their levels again."""
        for key, stream in list(self._streams.items()):
            if key[:2] == (kind, name) and isinstance(stream, RankStream):
                self._streams[key] = RankStream()


def _standing(key: Key, stream: Stream) -> dict[str, Any]:
    before, now = stream.levels()
    evidence = stream.detector.log_evidence
    return {
        "kind": key[0],
        "name": key[1],
        "slice": key[2],
        "n": stream.n,
        "level": before if math.isfinite(before) else None,
        "lately": now if math.isfinite(now) else None,
        "log_evidence": round(evidence, 2) if math.isfinite(evidence) else None,
        "alarm_at": round(THRESHOLD, 2),
    }
