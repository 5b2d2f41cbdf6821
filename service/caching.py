"""The cache over HTTP: what it promised a tenant and where it stands, and taking answers out again.

Knows bodies and answers; decides nothing.
"""

import hmac
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from router.cache.records import CacheLookup, Learnt
from router.cache.semantic import SemanticCache
from router.encoders import encode_text
from router.engine import Engine
from router.errors import ForbiddenError, InputError
from router.settings import Settings
from service import problems
from service.access import caller_of, own_query, refusal
from service.bodies import answered, json_answer
from service.schemas import documented

_CONDITIONS = ("fingerprint", "tag", "older_than_seconds", "like")
_FIELDS = frozenset({"tenant", "dry_run", "min_similarity", "everything", *_CONDITIONS})


def may_write(request: Request, settings: Settings) -> bool:
    """Whether this caller's answers may reach others: by the scope of its key, else by the cache's own token."""
    caller = caller_of(request)
    if caller.key_id is not None:
        return "cache" in caller.scopes or "admin" in caller.scopes
    token = settings.cache_write_token
    if token is None:
        return True
    said = request.headers.get("authorization", "").removeprefix("Bearer ")
    return hmac.compare_digest(said.encode(), token.get_secret_value().encode())


def add_cache(app: FastAPI, engine: Engine, settings: Settings) -> None:
    @app.get("/cache", **documented("cache"))
    async def cache(request: Request) -> Response:
        """What the cache promised a tenant, where it stands, and what it holds."""
        if engine.cache is None:
            return problems.no_cache_problem()
        try:
            tenant = own_query(request).get("tenant", "default")
        except ForbiddenError as error:
            return refusal(error)
        return json_answer(await run_in_threadpool(_status, engine.cache.cache, tenant))

    @app.post("/cache/invalidate", **documented("cache_invalidate"))
    async def invalidate(request: Request) -> Response:
        """Take a tenant's answers out: by fingerprint, tag, age or likeness. A dry run unless told otherwise."""

        async def answer(given: dict[str, Any]) -> Response:
            if engine.cache is None:
                return problems.no_cache_problem()
            if not may_write(request, settings):
                return problems.forbidden_problem(
                    "this call needs the cache's write token", "Send Authorization: Bearer with the token."
                )
            return json_answer(await run_in_threadpool(_invalidate, engine, engine.cache.cache, given))

        return await answered(request, settings.max_body_bytes, answer)


def lookup_answer(lookup: CacheLookup | None) -> dict[str, Any] | None:
    """What /route says of the cache; after a hit, the answer to use in place of a call."""
    if lookup is None:
        return None
    told: dict[str, Any] = {
        "status": lookup.action,
        "tier": lookup.tier,
        "reason": lookup.reason,
        "similarity": lookup.similarity,
        "risk": lookup.risk,
        "threshold": lookup.threshold,
    }
    if lookup.answer is None:
        return told
    return told | {
        "answer": {"content": lookup.answer.content, "extra": lookup.answer.extra},
        "age_seconds": lookup.age_seconds,
        "neighbour": lookup.neighbour,
        "usd_saved": lookup.usd_saved,
    }


def learnt_answer(learnt: Learnt | None) -> dict[str, Any] | None:
    """What /outcomes says of the cache."""
    return None if learnt is None else asdict(learnt)


def _status(cache: SemanticCache, tenant: str) -> dict[str, Any]:
    answers, characters = cache.stored().get(tenant, (0, 0))
    promise = asdict(cache.promise(tenant))
    return {
        "tenant": tenant,
        "promise": {name: _finite(value) for name, value in promise.items()} | {"confidence": 0.95},
        "entries": cache.entries(tenant),
        "answers": answers,
        "answer_characters": characters,
        "ttl_seconds": cache.rules.ttl_seconds,
        "max_entries": cache.rules.max_entries,
    }


def _invalidate(engine: Engine, cache: SemanticCache, given: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(map(str, given)) - _FIELDS)
    if unknown:
        cure = f"Known: {', '.join(sorted(_FIELDS))}."
        raise InputError(unknown[0], given.get(unknown[0]), "unknown field", cure)
    tenant, tag, like = given.get("tenant"), given.get("tag"), _text(given, "like")
    if not isinstance(tenant, str) or not tenant:
        raise InputError("tenant", tenant, "missing", "Name the tenant whose answers are meant.")
    if not any(given.get(name) is not None for name in _CONDITIONS) and given.get("everything") is not True:
        cure = f"Give any of {', '.join(_CONDITIONS)}; or everything: true for all of the tenant's answers."
        raise InputError("everything", given.get("everything"), "no condition", cure)
    if tag is not None and not (isinstance(tag, Mapping) and len(tag) == 1 and _texts(tag)):
        raise InputError("tag", tag, "not one tag", 'Send {"name": "value"}.')
    if not isinstance(given.get("dry_run", True), bool):
        raise InputError("dry_run", given["dry_run"], "neither true nor false", "Send true or false.")
    if like is not None and engine.encoder is None:
        raise InputError("like", like, "the encoder is not loaded", "Wait for /readyz, or use another condition.")
    done = cache.invalidate(
        tenant,
        fingerprint=_text(given, "fingerprint"),
        tag=None if tag is None else next(iter(tag.items())),
        older_than_seconds=_number(given, "older_than_seconds", math.inf),
        like=None if like is None or engine.encoder is None else encode_text(engine.encoder, like),
        min_similarity=_number(given, "min_similarity", 1.0) or 0.9,
        dry_run=given.get("dry_run", True),
    )
    return {"tenant": tenant, **asdict(done)}


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise InputError(name, value, "not a text", "Send a text, or leave it out.")
    return value


def _number(given: Mapping[str, Any], name: str, high: float) -> float | None:
    value = given.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= high:
        raise InputError(name, value, "out of range", f"Send a number from 0 to {high:g}.")
    return float(value)


def _texts(given: Mapping[Any, Any]) -> bool:
    return all(isinstance(name, str) and isinstance(value, str) for name, value in given.items())


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
