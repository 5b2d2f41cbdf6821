"""Threads that make decisions: each is prepared alone, then several are concluded in a row by one of the threads.

An encoder's forward pass reads its weights, and with that washes all that Python works with out of the processor's
caches: a decision right after one takes two to three times as long as among others. So while others wait to be
prepared, what is ready is gathered until it is a third of these: a request in a queue waits a third longer at most,
and one alone does not wait. Knows two steps and threads; nothing of what the steps do.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from time import perf_counter
from typing import Generic, TypeVar

from router.jobs import Job
from router.requests import Request

T = TypeVar("T")
MOST = 32  # concluded in a row
PER_READY = 3  # so many wait for each that is ready, while more are gathered
TOLD_SECONDS = 0.02  # those that are concluded wait no longer for the rest


@dataclass(frozen=True)
class Turn(Generic[T]):
    """One request, and who waits for what it comes to."""

    request: Request
    job: Job
    future: "asyncio.Future[T]"


Come = tuple[Turn[T], T | None, Exception | None]


class Together(Generic[T]):
    """`prepare` returns whether it took so long that what follows had better be done with others. Each step's
    exception is its own request's. The threads start with the first request and hold up nobody who ends."""

    def __init__(
        self, threads: int, prepare: Callable[[Request, Job], bool], conclude: Callable[[Request, Job], T]
    ) -> None:
        self._count, self._prepare, self._conclude = threads, prepare, conclude
        self._queue: SimpleQueue[Turn[T] | None] = SimpleQueue()
        self._lock = Lock()
        self._ready: list[Turn[T]] = []
        self._at_work: dict[Job, float] = {}  # what the threads are at, and since when
        self._threads: list[Thread] = []
        self._closed = False

    def start(self, request: Request, job: Job) -> "asyncio.Future[T]":
        """A future of the running loop. Raises RuntimeError when closed."""
        if self._closed:
            raise RuntimeError("no more decisions are made")
        if not self._threads:
            self._begin()
        turn = Turn[T](request, job, asyncio.get_running_loop().create_future())
        self._queue.put(turn)
        return turn.future

    def hung(self, seconds: float) -> Job | None:
        """What a thread has been at for longer than this, where every thread is at such."""
        late = perf_counter() - seconds
        stuck = [job for job, since in list(self._at_work.items()) if since < late]
        return stuck[0] if len(stuck) >= self._count else None

    def close(self) -> None:
        """Begin nothing any more; what waits is told so."""
        self._closed = True
        with suppress(Empty):
            while True:
                turn = self._queue.get_nowait()
                if turn is not None:
                    _tell([(turn, None, RuntimeError("the service stops"))])
        for _ in self._threads:
            self._queue.put(None)

    def _begin(self) -> None:
        with self._lock:
            if not self._threads:
                self._threads = [Thread(target=self._run, name=f"decide_{i}", daemon=True) for i in range(self._count)]
                for thread in self._threads:
                    thread.start()

    def _run(self) -> None:
        while (turn := self._next()) is not None:
            self._ready_one(turn)

    def _next(self) -> Turn[T] | None:
        with suppress(Empty):
            return self._queue.get_nowait()
        self._conclude_all(self._taken(1))  # nobody waits, and whoever is at work in another thread may hang
        return self._queue.get()

    def _ready_one(self, turn: Turn[T]) -> None:
        self._at_work[turn.job] = perf_counter()
        try:
            gathers = self._prepare(turn.request, turn.job)
        except Exception as error:
            _tell([(turn, None, error)])
            return
        finally:
            del self._at_work[turn.job]
        if not gathers:
            self._conclude_all([turn])
            return
        with self._lock:
            self._ready.append(turn)
        self._conclude_all(self._taken(min(MOST, self._queue.qsize() // PER_READY + 1)))

    def _taken(self, least: int) -> list[Turn[T]]:
        """All that are ready, where they are so many."""
        with self._lock:
            if len(self._ready) < least:
                return []
            taken, self._ready = self._ready, []
            return taken

    def _conclude_all(self, turns: Sequence[Turn[T]]) -> None:
        come: list[Come[T]] = []
        told = perf_counter()
        for turn in turns:
            come.append(self._come_to(turn))
            if perf_counter() - told > TOLD_SECONDS:
                _tell(come)
                come, told = [], perf_counter()
        _tell(come)

    def _come_to(self, turn: Turn[T]) -> Come[T]:
        self._at_work[turn.job] = perf_counter()
        try:
            return turn, self._conclude(turn.request, turn.job), None
        except Exception as error:
            return turn, None, error
        finally:
            del self._at_work[turn.job]


def _tell(come: Sequence[Come[T]]) -> None:
    """Each loop once, however many wait in it."""
    loops = {turn.future.get_loop() for turn, _, _ in come}
    for loop in loops:
        with suppress(RuntimeError):  # it was closed meanwhile
            loop.call_soon_threadsafe(_settle, [one for one in come if one[0].future.get_loop() is loop])


def _settle(come: Sequence[Come[T]]) -> None:
    for turn, found, error in come:
        if turn.future.done():  # nobody waits any more
            continue
        if error is not None:
            turn.future.set_exception(error)
        else:
            turn.future.set_result(found)  # type: ignore[arg-type]
