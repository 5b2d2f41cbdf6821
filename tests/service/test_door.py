"""Too many at once are told to come later, at once; those let in are answered in time."""

import asyncio
import json
from collections import deque
from typing import Any

import pytest

from router.safe_route import SafeRoute
from service.door import FEW, Door, Queue
from service.metrics import Metrics


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def overloaded(times: float, rate: float = 50.0, seconds: float = 20.0, wait: float = 1.5) -> list[float]:
    """How long each request that was let in took: one server, first come first served, `times` its rate arriving."""
    clock = Clock()
    queue, inside, took = Queue(256, wait, clock), deque[tuple[float, float]](), []
    free = 0.0
    for i in range(int(seconds * rate * times)):
        arrives = i / (rate * times)
        while inside and inside[0][1] <= arrives:
            came, clock.now = inside.popleft()
            queue.leave()
            took.append(clock.now - came)
        clock.now = arrives
        if not queue.is_full():
            queue.enter()
            free = max(free, arrives) + 1 / rate
            inside.append((arrives, free))
    return took


@pytest.mark.parametrize("times", [2, 10, 40])
def test_goodput_holds_under_overload(times: float) -> None:
    took = overloaded(times)
    late = [one for one in took[256:] if one > 2.0]  # how fast they leave is learnt on the first ones
    assert len(took) - len(late) > 0.9 * 50 * 20
    assert len(late) < 0.02 * len(took)


def test_nobody_is_refused_below_capacity() -> None:
    assert len(overloaded(0.9)) > 0.9 * 50 * 20 - 2 * FEW


def test_a_queue_in_which_nothing_moves_fills_up_and_no_further() -> None:
    clock = Clock()
    queue = Queue(10, 1.5, clock)
    for _ in range(12):
        if not queue.is_full():
            queue.enter()
        clock.now += 0.1
    assert queue.inside == 10


@pytest.fixture
def door(safe: SafeRoute) -> tuple[Door, Queue, Metrics]:
    queue, metrics = Queue(FEW, 1.5), Metrics()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await scope["until"].wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return Door(app, queue, safe, metrics), queue, metrics


async def call(door: Door, until: asyncio.Event, whole: bool = True, path: str = "/route") -> list[Any]:
    said: list[Any] = []

    async def receive() -> Any:
        if not whole:
            await asyncio.sleep(60)
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Any) -> None:
        said.append(message)

    await door({"type": "http", "method": "POST", "path": path, "until": until}, receive, send)
    return said


def test_one_too_many_gets_429_with_when_and_what_to_do_instead(door: tuple[Door, Queue, Metrics]) -> None:
    async def scene() -> tuple[list[Any], list[Any]]:
        until = asyncio.Event()
        waiting = [asyncio.create_task(call(door[0], until)) for _ in range(FEW)]
        await asyncio.sleep(0)
        refused = await call(door[0], until)
        elsewhere = asyncio.create_task(call(door[0], until, path="/outcomes"))
        until.set()
        return refused, [await one for one in (*waiting, elsewhere)]

    refused, others = asyncio.run(scene())
    assert refused[0]["status"] == 429 and dict(refused[0]["headers"])[b"retry-after"] == b"1"
    told = json.loads(refused[1]["body"])
    assert told["safe_route"]["parameters"] == {"model": "gpt-4o-mini", "max_completion_tokens": 1024}
    assert [one[0]["status"] for one in others] == [200] * (FEW + 1)
    assert door[1].inside == 0
    assert door[2].registry.get_sample_value("tierwise_shed_requests_total") == 1


def test_slow_senders_hold_nobody_up(door: tuple[Door, Queue, Metrics]) -> None:
    async def scene() -> list[Any]:
        until = asyncio.Event()
        until.set()
        slow = [asyncio.create_task(call(door[0], until, whole=False)) for _ in range(3 * FEW)]
        await asyncio.sleep(0)
        answer = await call(door[0], until)
        for one in slow:
            one.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        return answer

    assert asyncio.run(scene())[0]["status"] == 200
    assert door[1].inside == 0
