"""Decisions over HTTP: a request's answer, and the short way for one that came before in the same bytes."""

from dataclasses import dataclass
from time import perf_counter
from types import SimpleNamespace
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from router.access.ring import Caller
from router.cache.repeats import MOST_BYTES, Known
from router.engine import Engine
from router.events import Decided
from router.requests import Request as RouteRequest
from service.access import caller_in, caller_of
from service.answers import route_answer
from service.bodies import answered, foreseen, json_answer
from service.caching import lookup_answer
from service.schemas import documented
from service.shadowing import asked_besides
from service.spending import budget_answer

_PATH, _SENT = "/route", "tierwise.sent"
_ROUTE = SimpleNamespace(path=_PATH)  # as the application's own router would have noted it


def add_deciding(app: FastAPI, engine: Engine, max_bytes: int) -> None:
    @app.post(_PATH, **documented("route"))
    async def route(request: Request) -> Response:
        """Which route is worth its price for this request. Call it before the LLM, forward `parameters` untouched."""
        started = perf_counter()

        async def answer(given: dict[str, Any]) -> Response:
            asked = RouteRequest.from_mapping(given)
            decided = await engine.route(asked)
            _note(engine, request.scope, asked, decided)
            explained = request.query_params.get("explain") in ("1", "true")
            explanation = {"explanation": await engine.explain(asked, decided.decision)} if explained else {}
            return _told(decided, caller_of(request), started, explanation)

        return await answered(request, max_bytes, answer)


@dataclass
class Repeated:
    """ASGI, around the application: a body to `POST /route` that was sent before, byte for byte and on behalf of the
    same tenant, and was answered by its own stored answer, is not read again. The engine decides it like any other."""

    app: ASGIApp
    engine: Engine
    max_bytes: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != _PATH or scope["method"] != "POST" or not _is_small(scope):
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        messages = await _whole(receive)
        said = scope[_SENT] = caller_in(scope).tenant, b"".join(one.get("body", b"") for one in messages)
        cache = self.engine.cache
        known = None if cache is None or scope["query_string"] else cache.repeated(said)
        if known is None:
            await self.app(scope, _again(messages, receive), send)
            return
        scope["route"] = _ROUTE
        caller = caller_in(scope)
        response = await foreseen(self._answer(known, caller, started), self.max_bytes, caller)
        await response(scope, receive, send)

    async def _answer(self, known: Known, caller: Caller, started: float) -> Response:
        return _told(await self.engine.route(known.request, known.key), caller, started, {})


def _told(decided: Decided, caller: Caller, started: float, explanation: dict[str, Any]) -> Response:
    timing = {"Server-Timing": _server_timing(decided, perf_counter() - started)}
    told = route_answer(decided.decision) | {"cache": lookup_answer(decided.decision.lookup)} | explanation
    return json_answer(told | budget_answer(decided, caller) | asked_besides(decided), headers=timing)


def _note(engine: Engine, scope: Scope, asked: RouteRequest, decided: Decided) -> None:
    lookup, said = decided.decision.lookup, scope.get(_SENT)
    if engine.cache is not None and said is not None and lookup is not None and lookup.tier == "exact":
        engine.cache.note(said, asked)


def _is_small(scope: Scope) -> bool:
    stated = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return len(stated) < 10 and stated.isdigit() and int(stated) <= MOST_BYTES


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
