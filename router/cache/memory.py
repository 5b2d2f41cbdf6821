"""Partitions in memory, kept in step with the store. Knows when to read, expire, forget and evict; serves nothing."""

import gc
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from router.cache.entry_views import EntryViews
from router.cache.index import VectorIndex
from router.cache.key import CacheKey
from router.cache.lessons import Lesson
from router.cache.partition import AnswerRecord, Entry, Partition, Record
from router.cache.records import CacheRules
from router.cache.store import CacheStore
from router.cache.stored import StoredAnswer, StoredEntry
from router.cache.verifier import Verifier
from router.privacy.leaver import Leaver

_COUNT_EVERY = 16
_AT_HAND = 0.9  # of the time for which what was read holds, so that it still does a moment later
_RECENT = 1_024  # answers kept for `sync_seconds` after they were read


@dataclass
class Loaded:
    """A partition in memory and how far the store has been read into it."""

    partition: Partition
    tenant: str
    last_entry: int = 0
    read_at: float = float("-inf")


class CacheMemory:
    """Not thread-safe: its owner holds a lock."""

    def __init__(
        self,
        store: CacheStore,
        verifier: Verifier,
        encoder: str,
        dim: int,
        rules: CacheRules,
        clock: Callable[[], float],
        embed: Callable[[str], np.ndarray] | None,
        index_dir: Path | None,
    ) -> None:
        self.encoder = encoder
        self._store, self._verifier, self._dim = store, verifier, dim
        self._rules, self._clock, self._embed = rules, clock, embed
        self._index_dir = index_dir
        self._loaded: OrderedDict[str, Loaded] = OrderedDict()
        self._recent: OrderedDict[int, tuple[float, StoredAnswer]] = OrderedDict()
        self._inserts = 0
        self.newest = 0  # entry of the store, as far as it was followed
        self._followed_at = float("-inf")
        self._expired: list[int] = []

    def count(self, tenant: str) -> int:
        """Entries of a tenant in memory."""
        return sum(len(one.partition) for one in self._loaded.values() if one.tenant == tenant)

    def warm(self) -> int:
        """Read everything stored; how many entries that were."""
        for tenant, name in self._store.partitions():
            self._read(name, tenant)
        # A full collection would walk every entry in the middle of a request; what is loaded now will stay.
        gc.freeze()
        return sum(len(one.partition) for one in self._loaded.values())

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
            loaded = self._loaded[name] = self._opened(name, tenant)
        for stored in self._store.entries_after(name, loaded.last_entry, self.encoder):
            loaded.last_entry = stored.row.entry_id
            if stored.row.entry_id not in loaded.partition.entries:
                self._admit(loaded.partition, stored)
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

    def _opened(self, name: str, tenant: str) -> Loaded:
        """A new partition, with the index of the last run where that is whole and of this encoder.

        The store decides what exists: vectors that it knows are not added again, and others are removed.
        """
        partition = Partition(self._dim, self.encoder, self._verifier)
        loaded = Loaded(partition, tenant)
        saved = self._saved_index(name)
        if saved is not None:
            partition.index = saved
            for stored in self._store.entries_after(name, 0, self.encoder):
                loaded.last_entry = stored.row.entry_id
                _check_vector(saved, stored)
                self._admit(partition, stored)
            for row in saved.rows() - partition.entries.keys():
                saved.remove(row)
        return loaded

    def _saved_index(self, name: str) -> VectorIndex | None:
        path = None if self._index_dir is None else self._index_dir / f"{name}.index"
        if path is None or not path.is_file():
            return None
        return VectorIndex.load(path, self._dim, self.encoder, self._store.secret())

    def _admit(self, partition: Partition, stored: StoredEntry) -> None:
        row, vector = stored.row, stored.vector
        if vector is None and row.vector is not None and self._embed is not None:
            vector = self._embed(stored.text)
            self._store.set_vector(row.entry_id, vector, self.encoder)
        old = partition.exact(row.exact)
        if old is not None:
            partition.drop_entry(old.entry_id)
        entry = Entry(
            row.entry_id, row.answer_id, stored.text, row.exact, row.created, Record(row.confirmed, row.refuted),
            row.labels, row.wrong, row.foretold, row.refuted_at,
        )  # fmt: skip
        record = AnswerRecord(
            row.answer_confirmed, row.answer_refuted, row.usd, row.served, row.answer_created, row.answer_created,
            row.expires,
        )  # fmt: skip
        fits = vector is not None and vector.shape == (self._dim,)
        partition.add(entry, vector if fits else None, record)

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
        self._verifier.forget_words()

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


def _check_vector(index: VectorIndex, stored: StoredEntry) -> None:
    """Forget a vector that is not the store's: the store was restored or begun anew, and gave its identifiers again."""
    row = stored.row.entry_id
    if row in index and (stored.vector is None or not np.array_equal(index.vectors([row])[0], stored.vector)):
        index.remove(row)
