"""Threads that make decisions: what each waits for comes one by one, what goes before and after for several in a row.

An encoder's forward pass reads its weights, and with that washes all that Python works with out of the processor's
caches: whatever comes right after one takes two to three times as long as among its like. So of many that wait, up to
half are begun in a row, and what was encoded is gathered until it is a third of those that still wait, and then
concluded in a row: a request in a queue waits a third longer at most, and one alone does not wait. Knows three steps
and threads; nothing of what the steps do.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from time import perf_counter
from typing import Any, Generic, TypeVar

from router.jobs import Job
from router.requests import Request

T = TypeVar("T")
U = TypeVar("U")
MOST = 32  # in a row
PER_READY = 3  # so many wait for each that is ready, while more are gathered
TOLD_SECONDS = 0.02  # those that are concluded wait no longer for the rest


@dataclass(frozen=True)
class Turn(Generic[T]):
    """One request, and who waits for what it comes to."""

    request: Request
    job: Job
    future: "asyncio.Future[T]"


Come = tuple[Turn[T], T | None, Exception | None]


@dataclass(frozen=True)
class Steps(Generic[T]):
    """`begin` tells whether `wait` is needed, which is the long one. Each step's exception is its own request's.
    `after` says what must end, however, before somebody is told what `conclude` came to."""

    begin: Callable[[Request, Job], bool]
    wait: Callable[[Request, Job], None]
    conclude: Callable[[Request, Job], T]
    after: Callable[[T], "Future[Any] | None"] = lambda found: None


class Together(Generic[T]):
    """The threads start with the first request and hold up nobody who ends."""

    def __init__(self, threads: int, steps: Steps[T]) -> None:
        self._count, self._steps = threads, steps
        self._queue: SimpleQueue[Turn[T] | None] = SimpleQueue()
        self._begun: deque[Turn[T]] = deque()
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
            self._start_threads()
        turn = Turn[T](request, job, asyncio.get_running_loop().create_future())
        self._queue.put(turn)
        return turn.future

    def hung(self, seconds: float) -> Job | None:
        """What a thread has been at for longer than this, where every thread is at such."""
        late = perf_counter() - seconds
        stuck = [job for job, since in list(self._at_work.items()) if since < late]
        return stuck[0] if len(stuck) >= self._count else None

    def close(self) -> None:
        """Begin nothing any more, and tell those that wait; what was begun is ended."""
        self._closed = True
        _tell([(turn, None, RuntimeError("the service stops")) for turn in self._waiting(self._queue.qsize())])
        for _ in self._threads:
            self._queue.put(None)

    def _start_threads(self) -> None:
        with self._lock:
            if not self._threads:
                self._threads = [Thread(target=self._run, name=f"decide_{i}", daemon=True) for i in range(self._count)]
                for thread in self._threads:
                    thread.start()

    def _run(self) -> None:
        while (turn := self._next()) is not None:
            _, error = self._at(turn, self._steps.wait)
            if error is not None:
                _tell([(turn, None, error)])
                continue
            with self._lock:
                self._ready.append(turn)
            left = self._queue.qsize() + len(self._begun)
            self._conclude(self._taken(min(MOST, left // PER_READY + 1)))

    def _next(self) -> Turn[T] | None:
        """The next that was begun; None when it is time to end."""
        while True:
            with suppress(IndexError):
                turn = self._begun.popleft()
                if not turn.future.done():  # else nobody waits any more
                    return turn
                continue
            try:
                first = self._queue.get_nowait()
            except Empty:
                self._conclude(self._taken(1))  # nobody waits, and whoever is at work in another thread may hang
                first = self._queue.get()
            if first is None:
                return None
            # of those that wait, at least as many are left to the other threads
            self._begin([first, *self._waiting(min(MOST, self._queue.qsize() // 2))])

    def _waiting(self, most: int) -> list[Turn[T]]:
        turns: list[Turn[T]] = []
        with suppress(Empty):
            while len(turns) < most:
                turn = self._queue.get_nowait()
                if turn is None:
                    self._queue.put(None)  # it is for another thread
                    break
                turns.append(turn)
        return turns

    def _begin(self, turns: Sequence[Turn[T]]) -> None:
        for turn in turns:
            if turn.future.done():  # nobody waits any more
                continue
            waits, error = self._at(turn, self._steps.begin)
            if error is not None:
                _tell([(turn, None, error)])
            elif waits:
                self._begun.append(turn)
            else:
                self._conclude([turn])

    def _taken(self, least: int) -> list[Turn[T]]:
        """All that are ready, where they are so many."""
        with self._lock:
            if len(self._ready) < least:
                return []
            taken, self._ready = self._ready, []
            return taken

    def _conclude(self, turns: Sequence[Turn[T]]) -> None:
        come: list[Come[T]] = []
        told = perf_counter()
        for turn in turns:
            found, error = self._at(turn, self._steps.conclude)
            one = turn, found, error
            after = None if found is None else self._steps.after(found)
            if after is not None and not after.done():
                after.add_done_callback(lambda done, one=one: _tell([one]))  # type: ignore[misc]
                continue
            come.append(one)
            if perf_counter() - told > TOLD_SECONDS:
                _tell(come)
                come, told = [], perf_counter()
        _tell(come)

    def _at(self, turn: Turn[T], step: Callable[[Request, Job], U]) -> tuple[U | None, Exception | None]:
        """What a step comes to, or how it failed."""
        self._at_work[turn.job] = perf_counter()
        try:
            return step(turn.request, turn.job), None
        except Exception as error:
            return None, error
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
