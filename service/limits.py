"""How long a request may take: for its body to arrive, and to be answered. Sizes are bounded where bodies are read.

A caller who sends a byte now and then would else hold a connection, and what stands behind it, for ever.
"""

import asyncio
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import problems


class SlowBodyError(Exception):
    """A body that did not arrive in time."""


class Bounded:
    """Plain ASGI. A request that takes too long is answered so, unless its answer has begun."""

    def __init__(self, app: ASGIApp, body_seconds: float, answer_seconds: float) -> None:
        self._app, self._body_seconds, self._answer_seconds = app, body_seconds, answer_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, whole, deadline = False, False, time.monotonic() + self._body_seconds

        async def timely() -> Message:
            nonlocal whole
            if whole:  # what comes now is that the caller hung up
                return await receive()
            try:
                async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                    message = await receive()
            except TimeoutError as error:
                raise SlowBodyError from error
            whole = not message.get("more_body", False)
            return message

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            async with asyncio.timeout(self._answer_seconds):
                await self._app(scope, timely, noted)
        except (SlowBodyError, TimeoutError) as late:
            if begun:
                raise
            slow = problems.slow_problem(isinstance(late, SlowBodyError), self._body_seconds, self._answer_seconds)
            await slow(scope, receive, send)
