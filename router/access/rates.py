"""How fast each key may ask: a token bucket per key, one second deep. Knows no clock of its own."""

from dataclasses import dataclass
from threading import Lock


@dataclass
class _Bucket:
    tokens: float
    at: float


class Rates:
    """Buckets of this process. Safe to ask from several threads."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}
        self._lock = Lock()

    def wait_seconds(self, key_id: str, per_second: float, now: float) -> float:
        """0 when the request may pass, which uses a token up; else how long until the next one could."""
        depth = max(1.0, per_second)
        with self._lock:
            bucket = self._buckets.setdefault(key_id, _Bucket(depth, now))
            # a clock that stepped back fills nothing
            bucket.tokens = min(depth, bucket.tokens + max(0.0, now - bucket.at) * per_second)
            bucket.at = now
            if bucket.tokens < 1.0:
                return (1.0 - bucket.tokens) / per_second
            bucket.tokens -= 1.0
            return 0.0
