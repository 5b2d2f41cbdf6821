"""How long a request may take: for its body to arrive, and to be answered. Sizes are bounded where bodies are read.

A caller who sends a byte now and then would else hold a connection, and what stands behind it, for ever.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import problems


class Bounded:
    """Plain ASGI. A request that takes too long is answered so, unless its answer has begun: `body_seconds` to arrive,
    then `answer_seconds` to be answered. One timer for both, because it stands before every request."""

    def __init__(self, app: ASGIApp, body_seconds: float, answer_seconds: float) -> None:
        self._app, self._body_seconds, self._answer_seconds = app, body_seconds, answer_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, reading, whole, clock = False, False, False, asyncio.get_running_loop().time
        started = clock()

        async def timely() -> Message:
            nonlocal reading, whole
            if whole:  # what comes now is that the caller hung up
                return await receive()
            if not reading:
                reading = True
                bound.reschedule(started + self._body_seconds)
            message = await receive()
            whole = not message.get("more_body", False)
            if whole:
                bound.reschedule(clock() + self._answer_seconds)
            return message

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            async with asyncio.timeout(self._answer_seconds) as bound:
                await self._app(scope, timely, noted)
        except TimeoutError:
            if begun or not bound.expired():
                raise
            slow = problems.slow_problem(reading and not whole, self._body_seconds, self._answer_seconds)
            await slow(scope, receive, send)
