"""Makes partitions from what the store holds: whole ones for memory, and small ones of the few entries that it finds
for one request, for as long as the whole one is not in memory. Keeps nothing and needs no lock.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from router.cache.index import VectorIndex
from router.cache.key import CacheKey
from router.cache.partition import NEIGHBOURS, AnswerRecord, Entry, Partition, Record
from router.cache.store import CacheStore
from router.cache.stored import StoredEntry
from router.cache.verifier import Verifier

SEARCH_SECONDS = 0.25  # a request waits no longer for the database to search; then nothing is near
_AT_ONCE = 2_000  # entries: many vectors are quicker to index together, on every core


@dataclass
class Loaded:
    """A partition in memory and how far the store has been read into it."""

    partition: Partition
    tenant: str
    last_entry: int = 0
    read_at: float = float("-inf")


class PartitionReader:
    """Raises StoreError."""

    def __init__(
        self,
        store: CacheStore,
        verifier: Verifier,
        encoder: str,
        dim: int,
        embed: Callable[[str], np.ndarray] | None,
        index_dir: Path | None,
    ) -> None:
        self._store, self._verifier, self._encoder, self._dim = store, verifier, encoder, dim
        self._embed, self._index_dir = embed, index_dir

    def opened(self, name: str, tenant: str) -> Loaded:
        """A partition as the store has it, with the index of the last run where that is whole and of this encoder.

        The store decides what exists: vectors that it knows are not added again, and others are removed.
        """
        loaded = Loaded(Partition(self._dim, self._encoder, self._verifier), tenant)
        saved = self._saved_index(name)
        if saved is not None:
            loaded.partition.index = saved
        self.read(loaded, name)
        if saved is not None:
            for row in saved.rows() - loaded.partition.entries.keys():
                saved.remove(row)
        return loaded

    def read(self, loaded: Loaded, name: str) -> None:
        """Take in what came to the store since the last reading."""
        stored = iter(self._store.entries_after(name, loaded.last_entry, self._encoder))
        while part := list(islice(stored, _AT_ONCE)):
            new = [one for one in part if one.row.entry_id not in loaded.partition.entries]
            self._admit(loaded.partition, new)
            loaded.last_entry = part[-1].row.entry_id

    def equal(self, key: CacheKey) -> Partition:
        """Of a partition that is not in memory: the byte-identical request, where there is one."""
        return self._small(self._store.equal(key.partition, key.exact))

    def near(self, key: CacheKey, vector: np.ndarray) -> Partition:
        """Of a partition that is not in memory: what the database finds nearest to a request, in SEARCH_SECONDS."""
        return self._small(self._store.nearest(key.partition, self._encoder, vector, NEIGHBOURS, SEARCH_SECONDS))

    def empty(self) -> Partition:
        return self._small(())

    def _small(self, stored: Iterable[StoredEntry]) -> Partition:
        partition = Partition(self._dim, self._encoder, self._verifier)
        self._admit(partition, list(stored))
        return partition

    def _saved_index(self, name: str) -> VectorIndex | None:
        path = None if self._index_dir is None else self._index_dir / f"{name}.index"
        if path is None or not path.is_file():
            return None
        return VectorIndex.load(path, self._dim, self._encoder, self._store.secret())

    def _admit(self, partition: Partition, stored: list[StoredEntry]) -> None:
        vectors = {one.row.entry_id: self._vector(one) for one in stored}
        for one in stored:
            _check_vector(partition.index, one)
        new = {row: vector for row, vector in vectors.items() if vector is not None and row not in partition.index}
        if new:
            partition.index.add(list(new), np.array(list(new.values()), np.float32))
        for one in stored:
            row = one.row
            old = partition.exact(row.exact)
            if old is not None:
                partition.drop_entry(old.entry_id)
            entry = Entry(
                row.entry_id, row.answer_id, one.text, row.exact, row.created, Record(row.confirmed, row.refuted),
                row.labels, row.wrong, row.foretold, row.refuted_at,
            )  # fmt: skip
            record = AnswerRecord(
                row.answer_confirmed, row.answer_refuted, row.usd, row.served, row.answer_created, row.answer_created,
                row.expires,
            )  # fmt: skip
            partition.add(entry, vectors[row.entry_id], record)

    def _vector(self, stored: StoredEntry) -> np.ndarray | None:
        """None for what only the exact tier may find. A wording of another encoder's is embedded anew."""
        row, vector = stored.row, stored.vector
        if vector is None and row.vector is not None and self._embed is not None:
            vector = self._embed(stored.text)
            self._store.set_vector(row.entry_id, vector, self._encoder)
        return vector if vector is not None and vector.shape == (self._dim,) else None


def _check_vector(index: VectorIndex, stored: StoredEntry) -> None:
    """Forget a vector that is not the store's: the store was restored or begun anew, and gave its identifiers again."""
    row = stored.row.entry_id
    if row in index and (stored.vector is None or not np.array_equal(index.vectors([row])[0], stored.vector)):
        index.remove(row)
