"""Decisions are begun and concluded in a row, each answering for itself alone."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from threading import Event as Flag

import pytest

from router.jobs import Job
from router.requests import Request
from router.together import TOLD_SECONDS, Steps, Together


class Noted:
    """Steps that note that they were taken, and begin when they are let go."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.go, self.more = Flag(), Flag()
        self.alone: tuple[str, ...] = ()

    def begin(self, request: Request, job: Job) -> bool:
        self.go.wait(5)
        self.taken.append("b" + request.text)
        if request.text == "bad":
            raise ValueError("bad to begin")
        return request.text not in self.alone

    def wait(self, request: Request, job: Job) -> None:
        if request.text == "hangs":
            self.more.wait(5)
        self.taken.append("w" + request.text)
        if request.text == "ill":
            raise ValueError("bad to wait for")

    def conclude(self, request: Request, job: Job) -> str:
        self.taken.append("c" + request.text)
        if request.text == "worse":
            raise ValueError("bad to conclude")
        return request.text


@pytest.fixture
def steps() -> Noted:
    return Noted()


@pytest.fixture
def make(steps: Noted) -> Iterator[Callable[..., Together[str]]]:
    made: list[Together[str]] = []

    def build(threads: int = 1) -> Together[str]:
        made.append(Together(threads, Steps(steps.begin, steps.wait, steps.conclude)))
        return made[-1]

    yield build
    steps.go.set()
    steps.more.set()
    for together in made:
        together.close()


def come(together: Together[str], steps: Noted, *texts: str) -> list[object]:
    """What each comes to, all of them waiting before the first is begun."""

    async def all_of_them() -> list[object]:
        waiting = [together.start(Request.from_prompt(text), Job()) for text in texts]
        steps.go.set()
        return list(await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 5))

    return asyncio.run(all_of_them())


def test_one_alone_waits_for_nobody(make: Callable[..., Together[str]], steps: Noted) -> None:
    together = make()
    assert come(together, steps, "1") == ["1"]
    assert come(together, steps, "2") == ["2"] and " ".join(steps.taken) == "b1 w1 c1 b2 w2 c2"


def test_of_those_that_wait_many_are_begun_and_concluded_in_a_row(
    make: Callable[..., Together[str]], steps: Noted
) -> None:
    assert come(make(), steps, *"12345678") == [*"12345678"]
    begun, ended = "b1 b2 b3 b4 w1 w2 w3 c1 c2 c3 w4 b5 b6 w5", "c4 c5 w6 c6 b7 w7 c7 b8 w8 c8"
    assert " ".join(steps.taken) == f"{begun} {ended}"


def test_what_need_not_wait_waits_for_nobody(make: Callable[..., Together[str]], steps: Noted) -> None:
    steps.alone = ("1",)
    come(make(), steps, *"12345678")
    assert steps.taken[:3] == ["b1", "c1", "b2"]


def test_whatever_fails_is_its_own_requests_failure(make: Callable[..., Together[str]], steps: Noted) -> None:
    found = come(make(), steps, "1", "bad", "2", "ill", "worse", "3")
    assert [str(one) for one in found] == ["1", "bad to begin", "2", "bad to wait for", "bad to conclude", "3"]


def test_what_is_ready_does_not_wait_for_a_thread_that_hangs(make: Callable[..., Together[str]], steps: Noted) -> None:
    together = make(threads=2)

    async def beside_one_that_hangs() -> str:
        together.start(Request.from_prompt("hangs"), Job())
        steps.go.set()
        return await asyncio.wait_for(together.start(Request.from_prompt("1"), Job()), 5)

    assert asyncio.run(beside_one_that_hangs()) == "1"
    assert together.hung(0.0) is None  # one thread is free


def test_those_that_are_concluded_do_not_wait_for_slow_ones(make: Callable[..., Together[str]], steps: Noted) -> None:
    """The last of a row takes until the first was told."""
    told = Flag()
    conclude = steps.conclude

    def slow(request: Request, job: Job) -> str:
        if request.text == "1":
            Flag().wait(1.5 * TOLD_SECONDS)
        if request.text == "3":
            assert told.wait(5)
        return conclude(request, job)

    steps.conclude = slow  # type: ignore[method-assign]
    together = make()

    async def tell() -> list[str]:
        waiting = [together.start(Request.from_prompt(text), Job()) for text in "12345678"]
        waiting[0].add_done_callback(lambda done: told.set())
        steps.go.set()
        return list(await asyncio.wait_for(asyncio.gather(*waiting), 5))

    assert asyncio.run(tell()) == [*"12345678"]


def test_what_nobody_waits_for_any_more_is_not_begun(make: Callable[..., Together[str]], steps: Noted) -> None:
    """After a deadline, say, which many passed behind one that hung."""
    together = make()

    async def given_up() -> str:
        waiting = [together.start(Request.from_prompt(text), Job()) for text in "1234"]
        while together.hung(0.0) is None:  # the first is at work
            await asyncio.sleep(0.001)
        for one in waiting[1:]:
            one.cancel()
        steps.go.set()
        return await asyncio.wait_for(together.start(Request.from_prompt("5"), Job()), 5)

    assert asyncio.run(given_up()) == "5"
    assert {taken[1:] for taken in steps.taken} == {"1", "5"}


def test_nobody_is_told_before_what_must_end_has_ended(steps: Noted) -> None:
    """A decision and its record, say."""
    steps.go.set()
    records: list[Future[None]] = []

    def record(found: str) -> Future[None]:
        records.append(Future())
        return records[-1]

    together = Together(1, Steps(steps.begin, steps.wait, steps.conclude, record))

    async def told_late() -> tuple[bool, str]:
        waiting = together.start(Request.from_prompt("1"), Job())
        while not records:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        before = waiting.done()
        records[0].set_result(None)
        return before, await asyncio.wait_for(waiting, 5)

    assert asyncio.run(told_late()) == (False, "1")
    together.close()


def test_who_waits_when_it_closes_is_told(make: Callable[..., Together[str]], steps: Noted) -> None:
    together = make()

    async def closing() -> list[object]:
        waiting = [together.start(Request.from_prompt(text), Job()) for text in "123"]
        while together.hung(0.0) is None:  # the first is at work
            await asyncio.sleep(0.001)
        together.close()
        steps.go.set()
        return list(await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 5))

    assert [str(one) for one in asyncio.run(closing())] == ["1", "2", "the service stops"]
    with pytest.raises(RuntimeError):
        come(together, steps, "4")
