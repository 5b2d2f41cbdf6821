"""How fast each key may ask: a token bucket per key, one second deep, which all processes on a store share.

A process lets requests through by its own copy of the bucket, so none waits for the store, and pays the shared bucket
afterwards, at once and then ten times a second; what is left there, below zero perhaps, is its copy from then on. So
what several processes let through in the same moment is paid back before anything else passes. Over any t seconds in
which the store answers, N processes let through at most

    rate × t + burst + (N − 1) × (burst + 2 × rate × LAG_SECONDS)        burst = max(1, rate)

While the store does not answer, each process goes by its fair share, rate / N (and one request at a time at least), and
pays nothing for that: the bucket fills meanwhile, so once it answers again one more burst may pass.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Protocol

from router.access.rate_store import Spent, depth
from router.errors import StoreError

EVERY_SECONDS, LOOK_SECONDS, AGAIN_SECONDS = 0.1, 0.5, 1.0
PATIENCE_SECONDS = 0.4  # an exchange that takes longer does not answer
LAG_SECONDS = EVERY_SECONDS + PATIENCE_SECONDS


class Shared(Protocol):
    """The buckets that are shared: see `RateStore`."""

    def exchange(self, spent: dict[str, Spent]) -> dict[str, float]: ...

    def close(self) -> None: ...


@dataclass
class _Bucket:
    rate: float
    tokens: float
    at: float
    unpaid: float = 0.0


class Rates:
    """Buckets of one process; without `shared`, of this process alone. Safe to ask from several threads.

    `processes` says how many there are on the store, `apart` is called for each request that was judged by this
    process's fair share. Moments are seconds of `clock`.
    """

    def __init__(
        self,
        shared: Shared | None = None,
        processes: Callable[[], int] = lambda: 1,
        apart: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared, self._processes, self._told_apart, self._clock = shared, processes, apart, clock
        self._buckets: dict[str, _Bucket] = {}
        self._lock = Lock()
        self._failed, self._asking_since = False, float("inf")
        self._spent, self._stopping = Event(), Event()
        self._thread = Thread(target=self._run, name="rates", daemon=True)

    @property
    def apart(self) -> bool:
        """Whether this process goes by its fair share: the store does not answer."""
        return self._failed or self._clock() - self._asking_since > PATIENCE_SECONDS

    def wait_seconds(self, key_id: str, per_second: float) -> float:
        """0 when the request may pass, which uses a token up; else how long until the next one could."""
        apart, now = self.apart, self._clock()
        rate = per_second / max(1, self._processes()) if apart else per_second
        if apart:
            self._told_apart()
        with self._lock:
            bucket = self._buckets.setdefault(key_id, _Bucket(per_second, depth(rate), now))
            # a clock that stepped back fills nothing
            bucket.tokens = min(depth(rate), bucket.tokens + max(0.0, now - bucket.at) * rate)
            bucket.rate, bucket.at = per_second, now
            if bucket.tokens < 1.0:
                return (1.0 - bucket.tokens) / rate
            bucket.tokens -= 1.0
            bucket.unpaid += not apart
        self._spent.set()
        return 0.0

    def exchange(self) -> None:
        """Pay for what was let through, and take over what is left. Raises StoreError: it is then paid later."""
        if self._shared is None or not self._buckets:
            return
        with self._lock:
            paying = {name: Spent(bucket.unpaid, bucket.rate) for name, bucket in self._buckets.items()}
            for bucket in self._buckets.values():
                bucket.unpaid = 0.0
        self._asking_since = self._clock()
        try:
            levels = self._shared.exchange(paying)
        except Exception:
            with self._lock:
                for name, one in paying.items():
                    self._buckets[name].unpaid += one.requests
            self._failed = True
            raise
        finally:
            self._asking_since = float("inf")
        with self._lock:
            self._failed, now = False, self._clock()
            for name, level in levels.items():
                bucket = self._buckets[name]
                bucket.tokens, bucket.at = level - bucket.unpaid, now

    def start(self) -> None:
        if self._shared is not None:
            self._thread.start()

    def stop(self) -> None:
        """Pay what is unpaid, then let go of the store."""
        self._stopping.set()
        self._spent.set()
        if self._thread.is_alive():
            self._thread.join(5.0)
        with suppress(StoreError):
            self.exchange()
        if self._shared is not None:
            self._shared.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._spent.wait(LOOK_SECONDS)
            self._spent.clear()
            with suppress(Exception):  # whatever it was, this process goes by its fair share until it works
                self.exchange()
            self._stopping.wait(AGAIN_SECONDS if self._failed else EVERY_SECONDS)
