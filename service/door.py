"""Admission: a request to /route that would wait too long for its turn is told at the door to come later.

Knows how many decisions are in the making and how fast they leave; decides nothing about them. Without it a queue grows
until every answer comes after its deadline, and all work is wasted.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from router.safe_route import SafeRoute
from service.metrics import Metrics
from service.problems import overload_document

FEW = 4  # so many are always let in; and with fewer inside, how fast they leave says nothing of how fast they could
MEMORY_SECONDS = 1.0


class Queue:
    """Requests inside, and how long one more would wait by Little's law: inside / rate of leaving.

    The rate is that of the last second or so in which at least FEW were inside; before it is known, only `most` bounds.
    Used from one event loop.
    """

    def __init__(self, most: int, wait_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._wait, self._clock = most, wait_seconds, clock
        self.inside = 0
        self._left = self._busy = 0.0  # both fading: how many left, and in how many seconds
        self._at = clock()

    @property
    def expected_seconds(self) -> float:
        """How long one more would wait."""
        self._fade()
        return self.inside * self._busy / self._left if self._left > 0 else 0.0

    def is_full(self) -> bool:
        if self.inside < FEW:
            return False
        return self.inside >= self._most or self.expected_seconds > self._wait

    def enter(self) -> None:
        self._fade()
        self.inside += 1

    def leave(self) -> None:
        self._fade()
        if self.inside >= FEW:
            self._left += 1
        self.inside -= 1

    def _fade(self) -> None:
        now = self._clock()
        if self.inside >= FEW:
            kept = math.exp((self._at - now) / MEMORY_SECONDS)
            self._left *= kept
            self._busy = self._busy * kept + MEMORY_SECONDS * (1 - kept)
        self._at = now


class Door:
    """ASGI: in front of `POST /route`. A request counts from when its body has come until it is answered, so that slow
    senders hold nobody up. Refusing costs no parsing: the answer is ready, and carries the safe route."""

    def __init__(self, app: ASGIApp, queue: Queue, safe: SafeRoute, metrics: Metrics) -> None:
        self._app, self._queue, self._metrics = app, queue, metrics
        self._body = orjson.dumps(overload_document(safe))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/route" or scope["method"] != "POST":
            await self._app(scope, receive, send)
        elif self._queue.is_full():
            await self._refuse(send)
        else:
            await self._let_in(scope, receive, send)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        entered = False

        async def count(*given: Any) -> Message:
            nonlocal entered
            message = await receive()
            if not entered and message["type"] == "http.request" and not message.get("more_body"):
                entered = True
                self._queue.enter()
            return message

        try:
            await self._app(scope, count, send)
        finally:
            if entered:
                self._queue.leave()

    async def _refuse(self, send: Send) -> None:
        self._metrics.shed.inc()
        seconds = b"%d" % min(60, max(1, math.ceil(self._queue.expected_seconds)))
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", b"%d" % len(self._body)),
            (b"retry-after", seconds),
        ]
        await send({"type": "http.response.start", "status": 429, "headers": headers})
        await send({"type": "http.response.body", "body": self._body})
