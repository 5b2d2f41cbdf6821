"""How long a request may take."""

import asyncio
from typing import Any

import pytest

from service.limits import Bounded


def run(app: Any, chunks: list[tuple[float, bytes, bool]], body: float = 0.05, answer: float = 0.2) -> list[Any]:
    """What is sent for a body whose parts come after so many seconds."""
    sent: list[Any] = []

    async def receive() -> Any:
        wait, part, more = chunks.pop(0)
        await asyncio.sleep(wait)
        return {"type": "http.request", "body": part, "more_body": more}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Bounded(app, body, answer)({"type": "http", "path": "/", "headers": []}, receive, send))
    return sent


async def reading(scope: Any, receive: Any, send: Any) -> None:
    while (await receive())["more_body"]:
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})


def test_a_body_in_time_is_read() -> None:
    assert run(reading, [(0.0, b"a", True), (0.0, b"b", False)])[0]["status"] == 200


def test_a_body_that_trickles_is_refused_though_each_part_is_quick() -> None:
    sent = run(reading, [(0.02, b"a", True)] * 20)
    assert sent[0]["status"] == 408 and (b"connection", b"close") in sent[0]["headers"]


def test_an_answer_that_is_not_made_in_time_is_told() -> None:
    async def working(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(5)

    assert run(working, [], answer=0.02)[0]["status"] == 503


def test_an_answer_that_has_begun_is_not_answered_twice() -> None:
    async def stalling(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(5)

    with pytest.raises(TimeoutError):
        run(stalling, [], answer=0.02)
