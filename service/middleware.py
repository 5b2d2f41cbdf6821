"""Around every request: time it, count it, echo its trace, and turn what nobody expected into a problem document."""

import asyncio
import re
from time import perf_counter
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.metrics import Metrics
from service.problems import unexpected_problem
from service.tracing import CALLERS_TRACE

# W3C Trace Context, version 00
TRACEPARENT = re.compile(rb"^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$")


class Observed:
    """The outermost layer of the service. Plain ASGI: nothing is buffered, no task is added."""

    def __init__(self, app: ASGIApp, metrics: Metrics, logger: Any) -> None:
        self._app, self._metrics, self._logger = app, metrics, logger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status, trace = perf_counter(), 0, traceparent(scope)
        CALLERS_TRACE.set(None if trace is None else trace.decode("ascii"))

        async def observe(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if trace is not None:
                    message["headers"] = [*message.get("headers", ()), (b"traceparent", trace)]
            await send(message)

        try:
            await self._app(scope, receive, observe)
        except Exception as error:
            # the message of an exception may quote the request, so only its name is written down
            self._metrics.errors.inc()
            self._logger.error(
                "unexpected error", error=type(error).__name__, path=path_of(scope), at_line=_place(error)
            )
            if not status:
                await unexpected_problem()(scope, receive, observe)
        # counted once the answer is on its way, which a loop writes out only when this turn of it ends
        seconds = perf_counter() - started
        asyncio.get_running_loop().call_soon(self._metrics.answered, path_of(scope), status, seconds)


def traceparent(scope: Scope) -> bytes | None:
    """The caller's trace, where it is well formed."""
    found = [value for name, value in scope["headers"] if name == b"traceparent"]
    return found[0] if len(found) == 1 and TRACEPARENT.match(found[0]) else None


def path_of(scope: Scope) -> str:
    """The path as it is declared; anything else is `other`, so that nobody can make labels up."""
    return str(getattr(scope.get("route"), "path", "other"))


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
