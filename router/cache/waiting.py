"""Lookups whose end is awaited: in memory for this process, and in the store for every other.

Rows are written a moment after the lookup, many at once, by whoever calls `flush`: no lookup waits for a disk. A row is
deleted by the one process that takes it, so an answer is learnt once.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import delete, select

from router.cache.key import CacheKey
from router.cache.partition import Candidate
from router.cache.records import Pending
from router.cache.reuse import ReuseDecision
from router.cache.store import CacheStore
from router.cache.tables import waiting
from router.log.driver_sql import Statements, from_json, to_json
from router.privacy.cipher import Cipher
from router.privacy.leaver import Leaver

T = TypeVar("T")
KEPT_SECONDS = 3_600.0
_LOOK_SECONDS = 0.05
_INSERT = "INSERT INTO cache_waiting (lookup_id, tenant, at, text, vector, lookup) VALUES (?, ?, ?, ?, ?, ?)"
_UNLESS = " ON CONFLICT DO NOTHING"


class Waiting:
    """Thread-safe. `limit`: how many are kept in memory, and how many may wait to be written."""

    def __init__(self, store: CacheStore, limit: int) -> None:
        self._store, self._limit = store, limit
        self._lock = threading.Lock()
        self._here: OrderedDict[str, tuple[Pending, bool]] = OrderedDict()
        self._unwritten: OrderedDict[str, tuple[float, Pending]] = OrderedDict()
        self._swept = 0.0

    def keep(self, lookup_id: str, pending: Pending, now: float, *, shared: bool = True) -> None:
        """Await the end of a lookup; one that is not `shared` is known to this process only."""
        with self._lock:
            _put(self._here, lookup_id, (pending, shared), self._limit)
            if shared:
                _put(self._unwritten, lookup_id, (now, pending), self._limit)

    def take(self, lookup_id: str, tenant: str, patience_seconds: float = 0.0) -> Pending | None:
        """What was awaited under this name, once; None where nothing is, or another tenant's. Another process may be
        about to write it: a younger decision's is looked for during `patience_seconds`. Raises StoreError."""
        with self._lock:
            here, shared = self._here.get(lookup_id, (None, True))
            if here is not None and here.key.tenant != tenant:
                return None
            self._here.pop(lookup_id, None)
            if self._unwritten.pop(lookup_id, None) is not None or not shared:
                return here  # nobody else can know of it
        deadline = time.monotonic() + patience_seconds
        found = self._claim(lookup_id, tenant)
        while found is None and here is None and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
            found = self._claim(lookup_id, tenant)
        return found if here is None or found is None else here

    def forget(self, leaver: Leaver) -> None:
        """Await nothing any more in memory for a tenant; its rows in the store belong to who removes those."""
        with self._lock:
            for lookup_id in [one for one, (pending, _) in self._here.items() if leaver.named(pending.key.tenant)]:
                del self._here[lookup_id]
            for lookup_id in [one for one, (_, left) in self._unwritten.items() if leaver.named(left.key.tenant)]:
                del self._unwritten[lookup_id]

    def flush(self, now: float) -> int:
        """Write what is not written yet; how many that were. Raises StoreError; they are then tried again."""
        with self._lock:
            batch = dict(self._unwritten)
        if batch:
            rows = [_row(self._store.cipher, lookup_id, at, pending) for lookup_id, (at, pending) in batch.items()]
            with self._store.writing() as connection:
                Statements(connection).run_each(_INSERT + _UNLESS, rows)
            self._written(batch)
        if now - self._swept > KEPT_SECONDS / 6:
            self._swept = now
            with self._store.writing() as connection:
                connection.execute(delete(waiting).where(waiting.c.at < now - KEPT_SECONDS))
        return len(batch)

    def _written(self, batch: Mapping[str, Any]) -> None:
        """Those that were taken in the meantime must not be found again."""
        with self._lock:
            taken = [lookup_id for lookup_id in batch if self._unwritten.pop(lookup_id, None) is None]
        if taken:
            with self._store.writing() as connection:
                connection.execute(delete(waiting).where(waiting.c.lookup_id.in_(taken)))

    def _claim(self, lookup_id: str, tenant: str) -> Pending | None:
        where = (waiting.c.lookup_id == lookup_id, waiting.c.tenant == tenant)
        with self._store.reading() as connection:
            row = connection.execute(select(waiting).where(*where)).mappings().one_or_none()
        if row is None:
            return None
        with self._store.writing() as connection:
            claimed = connection.execute(delete(waiting).where(*where)).rowcount == 1
        return _pending(self._store.cipher, dict(row)) if claimed else None


def _put(kept: OrderedDict[str, T], name: str, value: T, limit: int) -> None:
    kept[name] = value
    if len(kept) > limit:
        kept.popitem(last=False)


def _row(cipher: Cipher, lookup_id: str, at: float, pending: Pending) -> tuple[Any, ...]:
    """The text only where its answer may be stored: else nobody needs it."""
    key, candidate, decision = pending.key, pending.candidate, pending.decision
    said = {
        "key": {**asdict(key), "exact": key.exact.hex()},
        "candidate": candidate and {**vars(candidate), "text": "", "features": candidate.features.tolist()},
        "decision": decision and asdict(decision),
        "may_store": pending.may_store,
        "tags": dict(pending.tags),
    }
    if not pending.may_store:
        return lookup_id, key.tenant, at, "", None, to_json(said)
    vector = None if pending.vector is None else pending.vector.astype(np.float32).tobytes()
    text = cipher.seal(pending.text.replace("\x00", ""), key.partition)
    return lookup_id, key.tenant, at, text, vector, to_json(said)


def _pending(cipher: Cipher, row: Mapping[str, Any]) -> Pending:
    said = from_json(row["lookup"])
    key = CacheKey(**{**said["key"], "exact": bytes.fromhex(said["key"]["exact"])})
    candidate, decision = said["candidate"], said["decision"]
    return Pending(
        key,
        cipher.open(row["text"], key.partition),
        None if row["vector"] is None else np.frombuffer(row["vector"], np.float32),
        candidate and Candidate(**{**candidate, "features": np.array(candidate["features"], float)}),
        decision and ReuseDecision(**decision),
        said["may_store"],
        said["tags"],
    )
