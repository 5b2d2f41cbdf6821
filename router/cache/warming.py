"""Reads large partitions into memory while requests are served, and serves them from the database until that is done.

What is read is built without the cache's lock, and put in place at the end: no request waits for it.
"""

import gc
import threading

import numpy as np

from router.cache.key import CacheKey
from router.cache.memory import CacheMemory
from router.cache.partition import Partition
from router.cache.reader import PartitionReader
from router.cache.store import CacheStore
from router.errors import StoreError


class Warming:
    """`lock` is the cache's. `unsearched` counts look-ups for which the database did not search in time."""

    def __init__(self, store: CacheStore, memory: CacheMemory, reader: PartitionReader, lock: threading.RLock) -> None:
        self._store, self._memory, self._reader, self._lock = store, memory, reader, lock
        self._loading = threading.Lock()
        self.unsearched = 0
        self._warms = False

    @property
    def misses(self) -> bool:
        """Whether what is near is not found for now: it is being read, and the database cannot search."""
        return self._warms and not self._store.searches

    def warm(self) -> int:
        """Read everything stored; how many entries are in memory. Raises StoreError."""
        self._warms = True
        try:
            for tenant, name in self._store.partitions():
                self._load(name, tenant)
        finally:
            self._warms = False
        # A full collection would walk every entry in the middle of a request; what is loaded now will stay.
        gc.freeze()
        with self._lock:
            return len(self._memory)

    @property
    def wants(self) -> bool:
        """Whether requests have asked for what should be read into memory."""
        return bool(self._memory.wanted)

    def read_wanted(self) -> None:
        """Read what requests have asked for and was too large to be read while they waited. Raises StoreError."""
        while True:
            with self._lock:
                wanted = next(iter(self._memory.wanted.items()), None)
            if wanted is None:
                return
            self._load(*wanted)

    def near(self, key: CacheKey, vector: np.ndarray) -> Partition:
        """What the database finds near a request in a partition that is not in memory; nothing where it is too slow."""
        try:
            return self._reader.near(key, vector)
        except StoreError:
            self.unsearched += 1
            return self._reader.empty()

    def _load(self, name: str, tenant: str) -> None:
        """One at a time: whoever waits for the same partition finds it in memory."""
        with self._loading:
            with self._lock:
                unloads = self._memory.unloads
                if name in self._memory:
                    self._memory.wanted.pop(name, None)
                    return
            loaded = self._reader.opened(name, tenant)
            with self._lock:
                if self._memory.unloads == unloads:  # else somebody was forgotten meanwhile, whose entries these may be
                    self._memory.put(name, loaded)
