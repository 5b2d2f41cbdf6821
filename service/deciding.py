"""Decisions over HTTP: the endpoint, and the short way to its answers."""

from dataclasses import dataclass
from time import perf_counter
from types import SimpleNamespace
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from router.access.ring import Caller
from router.cache.repeats import MOST_BYTES
from router.engine import Engine
from router.events import Decided
from router.requests import Request as RouteRequest
from service.access import caller_in, caller_of
from service.answers import route_answer
from service.bodies import answered, foreseen, json_answer, object_of
from service.caching import lookup_answer
from service.schemas import documented
from service.shadowing import asked_besides
from service.spending import budget_answer

_PATH = "/route"
_ROUTE = SimpleNamespace(path=_PATH)  # as the application's own router would have noted it


def add_deciding(app: FastAPI, engine: Engine, max_bytes: int) -> None:
    @app.post(_PATH, **documented("route"))
    async def route(request: Request) -> Response:
        """Which route is worth its price for this request. Call it before the LLM, forward `parameters` untouched."""
        started = perf_counter()

        async def answer(given: dict[str, Any]) -> Response:
            asked = RouteRequest.from_mapping(given)
            decided = await engine.route(asked)
            explained = request.query_params.get("explain") in ("1", "true")
            explanation = {"explanation": await engine.explain(asked, decided.decision)} if explained else {}
            return _told(decided, caller_of(request), started, explanation)

        return await answered(request, max_bytes, answer)


@dataclass
class ShortWay:
    """ASGI, around the application: `POST /route` with a small body and no query is answered here, without the
    framework's way to the endpoint, which takes a fifth of the event loop's time. A body that was sent before, byte for
    byte and on behalf of the same tenant, and was answered by its own stored answer, is not even read again; the engine
    decides it like any other."""

    app: ASGIApp
    engine: Engine
    max_bytes: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != _PATH or scope["method"] != "POST" or not self._is_short(scope):
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        messages = await _whole(receive)
        if messages[-1]["type"] != "http.request":  # its sender hung up
            await self.app(scope, _again(messages, receive), send)
            return
        scope["route"] = _ROUTE
        caller, body = caller_in(scope), b"".join(one.get("body", b"") for one in messages)
        response = await foreseen(self._answer(body, caller, started), self.max_bytes, caller)
        await response(scope, receive, send)

    async def _answer(self, body: bytes, caller: Caller, started: float) -> Response:
        said, cache = (caller.tenant, body), self.engine.cache
        known = None if cache is None else cache.repeated(said)
        if known is not None:
            return _told(await self.engine.route(known.request, known.key), caller, started, {})
        asked = RouteRequest.from_mapping(caller.own(object_of(body)))
        decided = await self.engine.route(asked)
        lookup = decided.decision.lookup
        if cache is not None and lookup is not None and lookup.tier == "exact":
            cache.note(said, asked)
        return _told(decided, caller, started, {})

    def _is_short(self, scope: Scope) -> bool:
        stated = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        small = len(stated) < 10 and stated.isdigit() and int(stated) <= min(MOST_BYTES, self.max_bytes)
        return small and not scope["query_string"]


def _told(decided: Decided, caller: Caller, started: float, explanation: dict[str, Any]) -> Response:
    timing = {"Server-Timing": _server_timing(decided, perf_counter() - started)}
    told = route_answer(decided.decision) | {"cache": lookup_answer(decided.decision.lookup)} | explanation
    return json_answer(told | budget_answer(decided, caller) | asked_besides(decided), headers=timing)


async def _whole(receive: Receive) -> list[Message]:
    """Everything of a body, or up to where its sender hung up."""
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())
    return messages


def _again(messages: list[Message], receive: Receive) -> Receive:
    """What was received already, then what else comes."""
    left = iter(messages)

    async def next_message() -> Message:
        for message in left:
            return message
        return await receive()

    return next_message


def _server_timing(decided: Decided, total: float) -> str:
    steps = {
        "encode": decided.encode_seconds,
        "cache": decided.cache_seconds,
        "decide": decided.decide_seconds,
        "log": decided.log_seconds,
    }
    return ", ".join(f"{name};dur={seconds * 1000:.3f}" for name, seconds in {**steps, "total": total}.items())
