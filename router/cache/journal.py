"""What the processes on one store tell each other of their traffic: each counts and learns what all of them did.

So every process keeps the same promise over all of a tenant's requests, not one of its own over some of them. Each
publishes a row per tenant and look, and reads the others' rows; a row is read within one look, a second at most.
"""

import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from router.cache.journal_store import JournalStore, News
from router.cache.lessons import Lesson
from router.cache.memory import CacheMemory
from router.cache.reuse import Reuse
from router.errors import StoreError
from router.privacy.leaver import Leaver

KEPT_SECONDS = 3_600.0
FROM_THE_START: Mapping[str, Any] = {"read_to": 0, "process": "", "number": 0}


class CacheJournal:
    """`lock` is the cache's. What could not be published is told at the next look."""

    def __init__(
        self, store: JournalStore, memory: CacheMemory, lock: threading.RLock, clock: Callable[[], float]
    ) -> None:
        self._store, self._memory, self._lock, self._clock = store, memory, lock, clock
        self._process = uuid.uuid4().hex
        self._lessons: dict[str, list[Lesson]] = defaultdict(list)
        self._unpublished: list[News] = []
        self._number = 0
        self.read_to = store.last()
        self._swept = clock()

    def taught(self, tenant: str, lesson: Lesson) -> None:
        """Tell the others at the next look. Call with the lock held."""
        self._lessons[tenant].append(lesson)

    def forget(self, leaver: Leaver) -> None:
        """Tell nothing of a tenant any more. Call with the lock held."""
        for tenant in leaver.among(list(self._lessons)):
            del self._lessons[tenant]
        self._unpublished = [one for one in self._unpublished if not leaver.named(one.tenant)]

    def look(self, known: Mapping[str, Reuse]) -> None:
        """Publish what happened here, then do what happened elsewhere to the tenants that are known here. Raises
        StoreError."""
        with self._lock:
            for tenant, reuse in known.items():
                self._collect(tenant, reuse)
            told, self._unpublished = self._unpublished, []
        self._publish(told)
        rows = self._store.after(self.read_to, self._process)
        with self._lock:
            seen = defaultdict(list)
            for row in rows:
                seen[row.tenant].append(row.news)
            for tenant, reuse in known.items():
                self._apply(tenant, reuse, seen[tenant])
            self.read_to = max([self.read_to, *(row.journal_id for row in rows)])
        if self._clock() - self._swept > KEPT_SECONDS / 6:
            self._swept = self._clock()
            self._store.sweep(self._swept - KEPT_SECONDS)

    def mark(self, tenant: str, reuse: Reuse) -> dict[str, Any]:
        """What a state that is saved now contains: others' rows up to `read_to`, ours up to `number`. Call with the
        lock held."""
        self._collect(tenant, reuse)
        return {"read_to": self.read_to, "process": self._process, "number": self._number}

    def catch_up(self, tenant: str, reuse: Reuse, mark: Mapping[str, Any]) -> None:
        """Do to a state that was saved at `mark` what has happened from then until the last look."""
        rows = self._store.after(mark["read_to"], None, tenant)
        missed = [row for row in rows if row.journal_id <= self.read_to and not _contained(row, mark)]
        self._apply(tenant, reuse, [row.news for row in missed])

    def _collect(self, tenant: str, reuse: Reuse) -> None:
        seen, lessons = reuse.control.drain(), self._lessons.pop(tenant, [])
        if seen or lessons:
            self._number += 1
            news = {"number": self._number, "seen": seen, "lessons": [one.to_dict() for one in lessons]}
            self._unpublished.append(News(0, self._process, tenant, news))

    def _publish(self, told: list[News]) -> None:
        if told:
            try:
                self._store.append(self._clock(), told)
            except StoreError:
                with self._lock:
                    self._unpublished = [*told, *self._unpublished][-1_000:]
                raise

    def _apply(self, tenant: str, reuse: Reuse, news: Sequence[Mapping[str, Any]]) -> None:
        reuse.control.replay([tuple(one) for part in news for one in part["seen"]])
        for said in (one for part in news for one in part["lessons"]):
            lesson = Lesson.from_dict(said)
            reuse.follow(lesson.features, lesson.risk, lesson.kind)
            if lesson.places:
                self._memory.remember(tenant, lesson)


def _contained(row: News, mark: Mapping[str, Any]) -> bool:
    return row.process == mark["process"] and row.news["number"] <= mark["number"]
