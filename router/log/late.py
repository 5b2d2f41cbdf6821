"""Decisions that are acknowledged before they are in the store: kept in a spool at once, in the store a moment later.

Only what no transaction could refuse may come here. Knows the spool, the writer and when; the rows are the log's.
"""

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from functools import partial
from threading import Event, Lock, Thread
from typing import Any

import orjson
from sqlalchemy import Connection

from router.errors import StoreAwayError, StoreError
from router.log.spool import Part, Spool
from router.log.writer import LogWriter

DRAIN_SECONDS, AGAIN_SECONDS, MOST, TOGETHER = 0.02, 1.0, 5_000, 100


class Deferred(ABC):
    """What belongs into a late record's transaction: it refuses nothing, and can be written down."""

    @property
    @abstractmethod
    def result(self) -> Any:
        """Known before it runs."""

    @abstractmethod
    def __call__(self, connection: Connection) -> Any: ...

    @abstractmethod
    def to_dict(self) -> dict[str, Any]: ...


Row = Mapping[str, Any]
Late = tuple[Row, Deferred, Part]
Insert = Callable[[Connection, Sequence[tuple[Row, Deferred]]], None]
Read = Callable[[Mapping[str, Any]], Deferred]


class LateLog:
    """Thread-safe. `insert` puts rows, and what belongs to each, into the store, once; `read` makes a `Deferred` from
    what its `to_dict` wrote."""

    def __init__(self, spool: Spool, writer: LogWriter, insert: Insert, read: Read) -> None:
        self._spool, self._writer, self._insert, self._read = spool, writer, insert, read
        self._lock = Lock()
        self._waiting: list[Late] = []
        self._out = 0  # records that are not known to be in the store
        self._drained, self._stopping = Event(), Event()
        self._drained.set()
        self._thread: Thread | None = None

    @property
    def pending(self) -> int:
        return self._out

    def take(self, row: Row, deferred: Deferred) -> bool:
        """Keep a decision now and store it later. False where it must be stored first: the store is away, too much
        waits, or the spool's disk does not take it."""
        if self._writer.away or self._out >= MOST:
            return False
        try:
            record = orjson.dumps({"row": row, "deferred": deferred.to_dict()}, option=orjson.OPT_SERIALIZE_NUMPY)
            with self._lock:
                self._waiting.append((row, deferred, self._spool.append(record)))
                self._out += 1
                self._drained.clear()
        except (OSError, TypeError):  # a lone surrogate, say, which JSON cannot hold
            return False
        if self._thread is None:
            self._start()
        return True

    def bring(self, connection: Connection, decision_id: str) -> bool:
        """Store a decision now that another process, or this one, still has in its spool. Call inside a writing
        transaction: its owner cannot have stored it and forgotten it meanwhile."""
        sought = decision_id.encode()
        for record in self._spool.everything():
            if sought in record:
                row, deferred = self._parsed(record)
                if row["decision_id"] == decision_id:
                    self._insert(connection, [(row, deferred)])
                    return True
        return False

    def settle(self, seconds: float) -> None:
        """Store what waits and wait for it, at most so long: whoever reads wants to see it."""
        if self._out:
            self._drain()
            self._drained.wait(seconds)

    def recover(self, seconds: float = 30.0) -> int:
        """Store what dead processes left; how many records. Raises StoreError: what could not be stored is then still
        there, and found again."""
        count, failed = 0, None
        for path, records in self._spool.adopted():
            try:
                for one in [self._submitted([self._parsed(record)]) for record in records]:
                    one.result(seconds)
            except (TimeoutError, KeyError, TypeError, ValueError) as error:  # of another version's, perhaps
                failed = error
                continue
            path.unlink(missing_ok=True)
            count += len(records)
        if failed is not None:
            raise StoreError(f"what a killed process left could not be stored: {type(failed).__name__}") from failed
        return count

    def settle_everywhere(self, seconds: float = 10.0) -> None:
        """Store what dead processes left, and wait until living ones have stored what they had acknowledged before.
        Raises StoreError."""
        self.recover()
        before, deadline = set(self._spool.everything()), time.monotonic() + seconds
        while before and before & set(self._spool.everything()):
            if time.monotonic() > deadline:
                raise StoreError("another process does not store what it has acknowledged")
            time.sleep(DRAIN_SECONDS)

    def close(self) -> None:
        """Store what waits, as far as the store takes it. The rest is found at the next start."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(AGAIN_SECONDS)
        self.settle(AGAIN_SECONDS)
        self._spool.close()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = Thread(target=self._run, name="late-log", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        pause = DRAIN_SECONDS
        while not self._stopping.wait(pause):
            if self._waiting:
                pause = DRAIN_SECONDS if self._drain() else AGAIN_SECONDS

    def _drain(self) -> bool:
        """Hand what waits to the writer; false where it takes nothing at the moment."""
        with self._lock:
            batch, self._waiting = self._waiting, []
            self._spool.cut()
        for first in range(0, len(batch), TOGETHER):
            if not self._handed(batch[first : first + TOGETHER]):
                with self._lock:
                    self._waiting = batch[first:] + self._waiting
                return False
        return True

    def _handed(self, some: list[Late]) -> bool:
        try:
            future = self._submitted([(row, deferred) for row, deferred, _ in some])
        except StoreError:
            return False
        future.add_done_callback(partial(self._stored, some))
        return True

    def _submitted(self, records: list[tuple[Row, Deferred]]) -> Future[None]:
        return self._writer.submit(lambda connection: self._insert(connection, records))

    def _stored(self, some: list[Late], done: Future[None]) -> None:
        error = done.exception()
        if error is not None and not isinstance(error, StoreAwayError) and len(some) > 1:
            rest = [one for one in some if not self._handed([one])]  # one row's own fault: each stands or falls alone
            with self._lock:
                self._waiting += rest
            return
        with self._lock:
            if isinstance(error, StoreAwayError):
                self._waiting += some
                return
            if error is not None:  # the row's own fault, which no second try mends
                logging.getLogger(__name__).error("a late record was not taken: %s", type(error).__name__)
            self._out -= len(some)
            for _, _, part in some:
                self._spool.stored(part)
            if not self._out:
                self._drained.set()

    def _parsed(self, record: bytes) -> tuple[Row, Deferred]:
        kept = orjson.loads(record)
        row = {**kept["row"], "at": datetime.fromisoformat(kept["row"]["at"])}
        return row, self._read(kept["deferred"])
