"""Counts what each policy did with the requests of this process, and adds it to what the other processes counted."""

from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from threading import Lock
from typing import Any

from router.errors import StoreError
from router.events import Decided, Event, Undecided
from router.log.store import LogStore
from router.prices import now
from router.rollout import tallies
from router.rollout.tallies import NONE, Tally, bin_of

STORE_SECONDS = 5.0


class _Count:
    """One policy's, since the last telling."""

    def __init__(self) -> None:
        self.decided = self.undecided = self.late = 0
        self.seconds: Counter[int] = Counter()


class DecisionCounts:
    """A hook. Call `publish` now and then, from one thread: until then nobody else knows of what was counted."""

    def __init__(self, clock: Callable[[], datetime] = now) -> None:
        self._clock, self._lock = clock, Lock()
        self._counts: defaultdict[str, _Count] = defaultdict(_Count)
        self._untold: dict[str, Tally] = {}

    def __call__(self, event: Event) -> None:
        if isinstance(event, Decided) and event.decision.fallback is None:
            with self._lock:
                count = self._counts[event.decision.policy]
                count.decided += 1
                if event.decision.action == "route":
                    count.seconds[bin_of(event.seconds)] += 1
        elif isinstance(event, Undecided):
            with self._lock:
                count = self._counts[event.version]
                if event.late_after is None:
                    count.undecided += 1
                else:
                    count.late += 1
                    count.seconds[bin_of(event.late_after)] += 1

    def publish(self, store: LogStore) -> None:
        """Raises StoreError where the counts were not told; they are told the next time."""
        with self._lock:
            taken, self._counts = self._counts, defaultdict(_Count)
        news, at = dict(self._untold), self._clock()
        for version, one in taken.items():
            news[version] = news.get(version, NONE) + Tally(one.decided, one.undecided, one.late, one.seconds)
        if not news:
            return
        self._untold = news
        written: Future[Any] = store.write(lambda connection: tallies.add(connection, news, at))
        try:
            written.result(STORE_SECONDS)
        except TimeoutError as error:
            if not written.cancel():  # it is being written, so it may not be told again
                self._untold = {}
            raise StoreError("the counts of decisions were not told in time") from error
        self._untold = {}
