"""One thread that writes: whatever waits is committed in one transaction, then everyone who waited is told.

Knows transactions and failures; what is written belongs to the caller. A future that is done was committed, so what is
acknowledged survives the process; a future that was cancelled in time was never written.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import Empty, Full, Queue
from threading import Thread
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import TimeoutError as PoolTimeout

from router.breaker import Breaker
from router.errors import StoreAwayError, StoreError, TierwiseError
from router.migrations.upgrade import prepare

T = TypeVar("T")
MAX_BATCH = 256


@dataclass(frozen=True)
class _Job:
    work: Callable[[Connection], Any]
    future: Future[Any] = field(default_factory=Future)


class LogWriter:
    """Runs functions of a connection, in order, each atomically.

    A function that raises a TierwiseError must have written nothing: it refuses, and its batch goes on.
    Nobody waits for a database that is known not to answer: while the transaction in progress takes longer than
    `patience_seconds`, and after several transactions failed in a row, `submit` refuses at once, but for a trial a
    second.
    """

    def __init__(self, engine: Engine, max_pending: int = 10_000, patience_seconds: float = 2.0) -> None:
        self._engine = engine.execution_options(writes=True)
        self._patience, self._since, self._breaker = patience_seconds, float("inf"), Breaker()
        self._queue: Queue[_Job | None] = Queue(max_pending)
        self._connection: Connection | None = None
        self._closed = False
        self._thread = Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    @property
    def pending(self) -> int:
        return self._queue.qsize()

    @property
    def away(self) -> bool:
        """Whether the database is known not to answer."""
        return self._breaker.is_open or self._is_stuck()

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        """The future of `work`'s result, committed. Raises StoreError when too much waits, the writer is closed, or the
        database does not answer."""
        if self._closed:
            raise StoreError("the store is closed")
        if self._is_stuck() or not self._breaker.allows():
            raise StoreAwayError("the store does not answer; it is tried again every second")
        job = _Job(work)
        try:
            self._queue.put_nowait(job)
        except Full as error:
            raise StoreError(f"{self.pending} records are waiting to be written") from error
        return job.future

    def close(self, timeout_seconds: float = 10.0) -> None:
        """Write what waits, then stop. A database that hangs is left after `timeout_seconds`: nobody was told that what
        still waits was kept."""
        if not self._closed:
            self._closed = True
            with suppress(Full):
                self._queue.put(None, timeout=timeout_seconds)
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        for batch in self._batches():
            self._commit(batch)
        self._disconnect()

    def _batches(self) -> Iterator[list[_Job]]:
        stopping = False
        while not stopping:
            waiting = [self._queue.get()]
            try:
                while len(waiting) < MAX_BATCH:
                    waiting.append(self._queue.get_nowait())
            except Empty:
                pass
            stopping = None in waiting
            yield [job for job in waiting if job is not None and job.future.set_running_or_notify_cancel()]

    def _commit(self, batch: list[_Job], again: bool = True) -> None:
        if not batch:
            return
        try:
            results = self._transact(batch)
        except Exception as error:
            away = self._is_away(error)
            if away:
                self._breaker.failed()
                self._disconnect()
            if away or not again:
                self._fail(batch, error, StoreAwayError if away else StoreError)
                return
            # one row's own fault (or another process wrote it first): each record stands or falls alone
            for job in batch:
                self._commit([job], again=False)
        else:
            self._breaker.worked()
            for job, (result, refusal) in zip(batch, results, strict=True):
                job.future.set_exception(refusal) if refusal else job.future.set_result(result)

    def _is_away(self, error: Exception) -> bool:
        """Whether the database is at fault (locked, full, gone) and not what was to be written."""
        database = self._engine.dialect.loaded_dbapi
        original = getattr(error, "orig", None) or error
        gone = (database.OperationalError, database.InterfaceError, PoolTimeout, OSError, StoreAwayError)
        return isinstance(original, gone) or type(original) is database.DatabaseError  # which is a damaged file

    def _fail(self, batch: list[_Job], error: Exception, kind: type[StoreError]) -> None:
        """Tell everyone; the database's own words, without the statement and its values (they may hold prompt text)."""
        said = getattr(error, "orig", None) or error
        ours = TierwiseError, self._engine.dialect.loaded_dbapi.Error
        words = str(said) if isinstance(said, ours) else type(said).__name__
        for job in batch:
            job.future.set_exception(kind(f"the store did not take the record: {words}"))

    def _transact(self, batch: list[_Job]) -> list[tuple[Any, TierwiseError | None]]:
        self._since = time.monotonic()
        try:
            with self._connected() as connection, connection.begin():
                return [_attempt(job.work, connection) for job in batch]
        finally:
            self._since = float("inf")

    def _is_stuck(self) -> bool:
        return time.monotonic() - self._since > self._patience

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        """The writer's own connection, opened at first use and after a failure, its tables made where they lack."""
        if self._connection is None:
            connection = self._engine.connect()
            try:
                with connection.begin():
                    prepare(connection)
            except BaseException:
                connection.invalidate()
                connection.close()
                raise
            self._connection = connection
        yield self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.invalidate()
                connection.close()
            except Exception:  # a connection that cannot even be closed is gone all the same
                return


def _attempt(work: Callable[[Connection], T], connection: Connection) -> tuple[T | None, TierwiseError | None]:
    try:
        return work(connection), None
    except TierwiseError as refusal:
        return None, refusal
