"""Decisions that are acknowledged before they are in the store: kept in a spool at once, in the store a moment later.

Only what no transaction could refuse may come here. Knows the spool, the writer and when; the rows are the log's.
"""

import logging
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from functools import partial
from threading import Condition, Event, Thread
from typing import Any, NamedTuple, Self

import orjson
from sqlalchemy import Connection

from router.errors import StoreAwayError, StoreError
from router.log.inserting import insert_decisions, known_decisions
from router.log.spool import Part, Spool
from router.log.writer import LogWriter

DRAIN_SECONDS, AGAIN_SECONDS, MOST, TOGETHER = 0.05, 1.0, 5_000, 100
Row = Mapping[str, Any]


class Deferred(ABC):
    """What belongs into a late record's transaction: it refuses nothing, and can be written down."""

    @property
    @abstractmethod
    def result(self) -> Any:
        """Known before it runs."""

    @abstractmethod
    def __call__(self, connection: Connection) -> Any: ...

    @classmethod
    @abstractmethod
    def run_all(cls, connection: Connection, several: Sequence[Self]) -> None:
        """Many in one transaction, for less than each by itself."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]: ...

    @classmethod
    @abstractmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Self: ...


class _Late(NamedTuple):
    row: Row
    deferred: Deferred
    part: Part
    turn: int  # from 1 on, in the order they were taken


class LateLog:
    """Thread-safe. `kind` is what belongs to each row."""

    def __init__(self, spool: Spool, writer: LogWriter, kind: type[Deferred]) -> None:
        self._spool, self._writer, self.kind = spool, writer, kind
        self._changed = Condition()
        self._waiting: list[_Late] = []
        self._out: dict[str, _Late] = {}  # what is not known to be in the store, in the order it was taken
        self._turn = 0
        self._stopping = Event()
        self._thread: Thread | None = None

    @property
    def pending(self) -> int:
        return len(self._out)

    def take(self, row: Row, deferred: Deferred) -> bool:
        """Keep a decision now and store it later. False where it must be stored first: the store is away, too much
        waits, the spool's disk does not take it, or another one of its name waits."""
        if self._writer.away or len(self._out) >= MOST:
            return False
        name = row["decision_id"]
        try:
            # nothing that the store's columns might refuse: no number beyond 53 bits, none of NumPy's
            record = orjson.dumps({"row": row, "deferred": deferred.to_dict()}, option=orjson.OPT_STRICT_INTEGER)
            with self._changed:
                if name in self._out:
                    return False
                part = self._spool.append(record)
                self._turn += 1
                self._out[name] = late = _Late(row, deferred, part, self._turn)
                self._waiting.append(late)
        except (OSError, TypeError):  # what JSON cannot hold: a lone surrogate, say
            return False
        if self._thread is None:
            self._start()
        return True

    def bring(self, connection: Connection, decision_id: str) -> bool:
        """Store a decision now that another process, or this one, still has in its spool. Call inside a writing
        transaction: its owner cannot have stored it and forgotten it meanwhile."""
        own = self._out.get(decision_id)
        if own is not None:
            self._insert(connection, [(own.row, own.deferred)])
            return True
        for record in self._spool.elsewhere(decision_id.encode()):
            row, deferred = self._parsed(record)
            if row["decision_id"] == decision_id:
                self._insert(connection, [(row, deferred)])
                return True
        return False

    def settle(self, seconds: float) -> None:
        """Store what was taken until now and wait for it, at most so long: whoever reads wants to see it."""
        if self._out:
            last = self._turn
            self._drain()
            with self._changed:
                self._changed.wait_for(lambda: self._oldest() > last, seconds)

    def _oldest(self) -> float:
        return next((late.turn for late in self._out.values()), math.inf)

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

    def stop(self) -> None:
        """Hand what waits to the writer, as far as it takes it. The rest is found at the next start."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(AGAIN_SECONDS)
        self.settle(AGAIN_SECONDS)

    def close(self) -> None:
        """Let go of the spool, once the writer has ended."""
        self._spool.close()

    def _start(self) -> None:
        with self._changed:
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
        with self._changed:
            batch, self._waiting = self._waiting, []
            self._spool.cut()
        for first in range(0, len(batch), TOGETHER):
            if not self._handed(batch[first : first + TOGETHER]):
                with self._changed:
                    self._waiting = batch[first:] + self._waiting
                return False
        return True

    def _handed(self, some: list[_Late]) -> bool:
        try:
            future = self._submitted([(late.row, late.deferred) for late in some])
        except StoreError:
            return False
        future.add_done_callback(partial(self._stored, some))
        return True

    def _submitted(self, records: Sequence[tuple[Row, Deferred]]) -> Future[None]:
        return self._writer.submit(lambda connection: self._insert(connection, records))

    def _insert(self, connection: Connection, records: Sequence[tuple[Row, Deferred]]) -> None:
        """Those that are not there yet, each with what belongs to it."""
        known = known_decisions(connection, [row["decision_id"] for row, _ in records])
        new = [(row, deferred) for row, deferred in records if row["decision_id"] not in known]
        if new:
            self.kind.run_all(connection, [deferred for _, deferred in new])
            insert_decisions(connection, [row for row, _ in new])

    def _stored(self, some: list[_Late], done: Future[None]) -> None:
        error = done.exception()
        if error is not None and not isinstance(error, StoreAwayError) and len(some) > 1:
            rest = [one for one in some if not self._handed([one])]  # one row's own fault: each stands or falls alone
            with self._changed:
                self._waiting += rest
            return
        with self._changed:
            if isinstance(error, StoreAwayError):
                self._waiting += some
                return
            if error is not None:  # the row's own fault, which no second try mends
                logging.getLogger(__name__).error("a late record was not taken: %s", type(error).__name__)
            for late in some:
                del self._out[late.row["decision_id"]]
                self._spool.stored(late.part)
            self._changed.notify_all()

    def _parsed(self, record: bytes) -> tuple[Row, Deferred]:
        kept = orjson.loads(record)
        row = {**kept["row"], "at": datetime.fromisoformat(kept["row"]["at"])}
        return row, self.kind.from_dict(kept["deferred"])
