"""Partitions in memory, kept in step with the store. Knows when to read, expire, forget and evict; serves nothing."""

from collections import OrderedDict
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np

from router.cache.entry_views import EntryViews
from router.cache.key import CacheKey
from router.cache.lessons import Lesson
from router.cache.partition import Partition
from router.cache.reader import Loaded, PartitionReader
from router.cache.records import CacheRules
from router.cache.store import CacheStore
from router.cache.stored import StoredAnswer
from router.cache.verifier import Verifier
from router.privacy.leaver import Leaver

_COUNT_EVERY = 16
_AT_HAND = 0.9  # of the time for which what was read holds, so that it still does a moment later
_READ_AT_ONCE = 500  # entries: some 20 ms
_RECENT = 1_024  # answers kept for `sync_seconds` after they were read


class CacheMemory:
    """Not thread-safe: its owner holds a lock."""

    def __init__(
        self,
        store: CacheStore,
        verifier: Verifier,
        encoder: str,
        rules: CacheRules,
        clock: Callable[[], float],
        reader: PartitionReader,
        index_dir: Path | None,
    ) -> None:
        self.encoder = encoder
        self._store, self._verifier, self._reader = store, verifier, reader
        self._rules, self._clock, self._index_dir = rules, clock, index_dir
        self._loaded: OrderedDict[str, Loaded] = OrderedDict()
        self._recent: OrderedDict[int, tuple[float, StoredAnswer]] = OrderedDict()
        self._inserts = 0
        self.newest = 0  # entry of the store, as far as it was followed
        self._followed_at = float("-inf")
        self._expired: list[int] = []
        self.wanted: dict[str, str] = {}  # partitions that were asked for and are too large to be read meanwhile
        self.unloads = 0

    def count(self, tenant: str) -> int:
        """Entries of a tenant in memory."""
        return sum(len(one.partition) for one in self._loaded.values() if one.tenant == tenant)

    def __len__(self) -> int:
        return sum(len(one.partition) for one in self._loaded.values())

    def __contains__(self, name: str) -> bool:
        return name in self._loaded

    def put(self, name: str, loaded: Loaded) -> None:
        """A partition that was read elsewhere; what came meanwhile is read when it is asked for."""
        self._loaded.setdefault(name, loaded)
        self.wanted.pop(name, None)

    def ready(self, name: str, tenant: str) -> Partition | None:
        """As `partition`; None for one that is not in memory and too large to be read while a request waits. It is
        wanted from then on."""
        if name not in self._loaded and (name in self.wanted or self._store.has_more(name, _READ_AT_ONCE)):
            self.wanted[name] = tenant
            return None
        return self.partition(name, tenant)

    def partition(self, name: str, tenant: str) -> Partition:
        """A partition with nothing expired in it, as the store had it at most `sync_seconds` ago."""
        loaded = self._loaded.get(name)
        now = self._clock()
        seen = float("-inf") if loaded is None else max(loaded.read_at, self._followed_at)
        if loaded is None or not 0 <= now - seen < self._rules.sync_seconds:
            loaded = self._read(name, tenant)
        self._loaded.move_to_end(name)
        while len(self._loaded) > self._rules.max_partitions:
            self._loaded.popitem(last=False)  # still in the store, and read again when asked for
        self._expired += loaded.partition.expire(now)
        return loaded.partition

    def has_at_hand(self, key: CacheKey) -> bool:
        """Whether this very request's answer is in memory and need not be read again for a while."""
        loaded, now = self._loaded.get(key.partition), self._clock()
        entry = None if loaded is None else loaded.partition.exact(key.exact)
        if loaded is None or entry is None or entry.answer_id not in self._recent:
            return False
        seen = min(max(loaded.read_at, self._followed_at), self._recent[entry.answer_id][0])
        return 0 <= now - seen < _AT_HAND * self._rules.sync_seconds

    @property
    def has_expired(self) -> bool:
        return bool(self._expired)

    def take_expired(self) -> list[int]:
        """Answers that have expired in memory and are still in the store: a lookup never writes."""
        expired, self._expired = self._expired, []
        return expired

    def give_back(self, expired: list[int]) -> None:
        """These could not be removed from the store."""
        self._expired += expired

    def _read(self, name: str, tenant: str) -> Loaded:
        """Entries that other processes, or an earlier run, have stored since the last look."""
        loaded = self._loaded.get(name)
        if loaded is None:
            loaded = self._loaded[name] = self._reader.opened(name, tenant)
        else:
            self._reader.read(loaded, name)
        loaded.read_at = self._clock()
        return loaded

    def follow(self, newest: int, changed: Collection[tuple[str, str]], at: float) -> None:
        """Read what the store said had changed when it was asked `at`; no lookup need look there for a while."""
        for tenant, name in changed:
            if name in self._loaded:
                self._read(name, tenant)
        self.newest, self._followed_at = newest, at

    def remember(self, tenant: str, lesson: Lesson) -> None:
        """Another process learnt the truth about an entry."""
        loaded = self._loaded.get(lesson.partition)
        if loaded is not None and loaded.tenant == tenant:
            valid = lesson.kind.endswith("right")
            loaded.partition.learn(lesson.places, lesson.candidate, lesson.risk or 0.0, valid)

    def unread(self, count: int) -> list[tuple[EntryViews, int, str]]:
        """Entries whose words were not read yet, at most `count`: where they are kept, number and text."""
        found: list[tuple[EntryViews, int, str]] = []
        for loaded in self._loaded.values():
            partition = loaded.partition
            unread = partition.views.unread(count - len(found))
            found += [(partition.views, entry_id, partition.entries[entry_id].text) for entry_id in unread]
        return found

    def save_indexes(self) -> None:
        """Write the indexes that take long to build, so that the next start need not."""
        if self._index_dir is not None:
            for name, loaded in self._loaded.items():
                if loaded.partition.index.has_graph:
                    loaded.partition.index.save(self._index_dir / f"{name}.index", self._store.secret())

    def answer(self, key: CacheKey, answer_id: int) -> StoredAnswer | None:
        """The answer as the store had it at most `sync_seconds` ago: another process may have removed it."""
        now, (read_at, answer) = self._clock(), self._recent.get(answer_id, (float("-inf"), None))
        if answer is None or not 0 <= now - read_at < self._rules.sync_seconds:
            answer = self._store.answer(answer_id)
            if answer is not None:
                self._recent[answer_id] = (now, answer)
                self._recent.move_to_end(answer_id)
                if len(self._recent) > _RECENT:
                    self._recent.popitem(last=False)
        if answer is None or answer.partition != key.partition or answer.tenant != key.tenant:
            self.forget(key.partition, answer_id)
            return None
        return answer

    def renewed(self, answer_id: int) -> None:
        """The store has another text or another age of this answer now."""
        self._recent.pop(answer_id, None)

    def forget(self, partition: str, answer_id: int) -> None:
        self._recent.pop(answer_id, None)
        loaded = self._loaded.get(partition)
        if loaded is not None:
            loaded.partition.drop_answer(answer_id)

    def forget_all(self, tenant: str, answer_ids: Collection[int]) -> None:
        """Answers of a tenant, wherever they are."""
        for answer_id in answer_ids:
            self._recent.pop(answer_id, None)
        for loaded in self._loaded.values():
            if loaded.tenant == tenant:
                for answer_id in answer_ids:
                    loaded.partition.drop_answer(answer_id)

    def unload(self, leaver: Leaver) -> None:
        """Forget everything of a tenant; what the store still holds is read again when it is asked for."""
        for name in [name for name, loaded in self._loaded.items() if leaver.named(loaded.tenant)]:
            del self._loaded[name]
        for answer_id in [one for one, (_, answer) in self._recent.items() if leaver.named(answer.tenant)]:
            del self._recent[answer_id]
        for name in [name for name, tenant in self.wanted.items() if leaver.named(tenant)]:
            del self.wanted[name]
        self._verifier.forget_words()
        self.unloads += 1

    def alike(self, tenant: str, vector: np.ndarray, least: float) -> set[int]:
        return self._store.alike(tenant, self.encoder, vector, least)

    def excess(self, tenant: str) -> list[int]:
        """The answers that must leave for memory to stay bounded, and one in a hundred more: those whose keeping saves
        least. Ask after each insert; it counts only now and then."""
        self._inserts += 1
        excess = self.count(tenant) - self._rules.max_entries if self._inserts % _COUNT_EVERY == 0 else 0
        if excess <= 0:
            return []
        now, half_life = self._clock(), self._rules.worth_half_life_seconds
        worths = [
            (record.worth(now, half_life), answer_id)
            for loaded in self._loaded.values()
            if loaded.tenant == tenant
            for answer_id, record in loaded.partition.answers.items()
        ]
        worths.sort()
        return [answer_id for _, answer_id in worths[: excess + len(worths) // 100]]
