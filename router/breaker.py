"""A circuit breaker: what failed several times in a row is left alone for a while, then tried by one caller.

Knows counts and seconds; nothing of what it guards. Nygard, Release It!, ch. 5.
"""

import time
from collections.abc import Callable
from threading import Lock

FAILURES, REST_SECONDS = 3, 1.0


class Breaker:
    """Closed while things work. After `failures` in a row it is open: nobody may try, but one caller every
    `rest_seconds`. The first success closes it. Share one between threads."""

    def __init__(
        self,
        failures: int = FAILURES,
        rest_seconds: float = REST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit, self._rest, self._clock = failures, rest_seconds, clock
        self._failed, self._next_try = 0, 0.0
        self._lock = Lock()

    @property
    def is_open(self) -> bool:
        return self._failed >= self._limit

    def allows(self) -> bool:
        """Whether the caller may try. Who may must tell `worked` or `failed`; who never does costs one rest."""
        if not self.is_open:
            return True
        with self._lock:
            if self._clock() < self._next_try:
                return False
            self._next_try = self._clock() + self._rest
            return True

    def worked(self) -> None:
        self._failed = 0

    def failed(self) -> None:
        with self._lock:
            self._failed += 1
            self._next_try = self._clock() + self._rest
