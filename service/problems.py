"""Errors as RFC 9457 problem documents: which field, which value, what is wrong, what would be right."""

import math
from decimal import Decimal
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from router.errors import (
    AccessError,
    BudgetExceededError,
    ConstraintError,
    InputError,
    LedgerDownError,
    NotGrantedError,
    RateLimitedError,
    SpendingError,
    StoreError,
    UnknownDecisionError,
    UnknownModelError,
    shown,
)
from router.provider_parameters import provider_parameters
from router.safe_route import SafeRoute

MEDIA_TYPE = "application/problem+json"
_KIND = "urn:tierwise:problem:"
_SHOWN_CHARS = 200


def overload_document(safe: SafeRoute) -> dict[str, Any]:
    """Too many decisions wait. The caller may wait as well, or call the safe route without having asked."""
    cure = "Send it again after Retry-After seconds, or forward the safe route's parameters now."
    document = {"type": _KIND + "overload", "title": "Too many requests", "status": 429}
    document |= {"detail": "one more decision would wait too long for its turn", "cure": cure}
    parameters = provider_parameters(safe.spec, safe.max_output_tokens)
    return document | {"safe_route": {"route": safe.spec.route.key, "parameters": parameters}}


def problem(status: int, kind: str, title: str, detail: str, **more: Any) -> Response:
    """A problem document; members that are None are left out, `headers` become headers."""
    headers = more.pop("headers", None)
    document = {"type": kind if kind == "about:blank" else _KIND + kind, "title": title, "status": status}
    document |= {"detail": detail, **{name: value for name, value in more.items() if value is not None}}
    return Response(orjson.dumps(document), status, headers, MEDIA_TYPE)


def input_problem(error: InputError) -> Response:
    """What the caller sent is wrong, or cannot be had."""
    if isinstance(error, UnknownDecisionError):
        kind, status, title = "unknown-decision", 404, "Unknown decision"
    elif isinstance(error, ConstraintError):
        kind, status, title = "constraints", 422, "No route satisfies the constraints"
    elif isinstance(error, UnknownModelError):
        kind, status, title = "unknown-model", 422, "Unknown model"
    else:
        kind, status, title = "wrong-value", 422, "Wrong value"
    said: dict[str, Any] = {"field": error.field, "value": _value(error.value), "cure": error.cure}
    if isinstance(error, ConstraintError):
        said["conflict"] = [
            {"field": one.field, "value": _value(one.value), "allows": list(one.allows), "would_do": one.relaxed}
            for one in error.conflict
        ]
    return problem(status, kind, title, f"{error.field}: {error.problem}", **said)


def spending_problem(error: SpendingError, told_whole: bool = True) -> Response:
    """Money that may not be spent: 429 until a budget resets, 402 where none will, 403 without a grant.

    Without `told_whole` nothing is said of what tenants spent together.
    """
    if isinstance(error, BudgetExceededError):
        return _budget_problem(error, told_whole or "tenant" in error.facts["scope"])
    if isinstance(error, NotGrantedError):
        cure = "Ask for the grant, or allow other routes: see [[grants]] in the spending file."
        asked = {"tenant": error.tenant, "missing": list(error.missing)}
        return problem(403, "not-granted", "Not granted", str(error), cure=cure, **asked)
    if isinstance(error, LedgerDownError):
        cure = "Send the request again; a strict budget never spends unseen."
        return problem(503, "ledger", "The ledger did not answer", str(error), cure=cure, headers={"Retry-After": "1"})
    return problem(429, "budget", "Budget", str(error))


def _budget_problem(error: BudgetExceededError, told_whole: bool) -> Response:
    facts, resets = error.facts, error.resets_at
    said, detail = {"budget": error.budget}, f"budget {error.budget!r} has no room"
    if told_whole:
        detail, said = str(error), said | {name: facts[name] for name in ("scope", "limit", "committed")}
    if resets is None:
        cure = "Raise the budget's limit; it does not reset by itself."
        return problem(402, "budget", "Budget exhausted", detail, cure=cure, **said)
    seconds = max(1, math.ceil((resets - error.at).total_seconds()))
    headers = {"Retry-After": str(seconds), "RateLimit": f'"{_token(error.budget)}";r=0;t={seconds}'}
    said |= {"resets_at": resets.isoformat()}
    cure = "Wait for the reset, or raise the budget's limit."
    return problem(429, "budget", "Budget exhausted", detail, cure=cure, headers=headers, **said)


def _token(name: str) -> str:
    """A name inside a quoted header value: printable ASCII without quotes."""
    return "".join(char if char.isascii() and char.isprintable() and char not in '"\\' else "_" for char in name)


def json_problem(error: Exception) -> Response:
    """A body that is not JSON. The parser's words name the place, never the content."""
    cure = "Send one JSON object as UTF-8."
    return problem(400, "not-json", "The body is not JSON", str(error), field="body", cure=cure)


def nested_problem() -> Response:
    cure = "Send fewer levels of objects and lists."
    return problem(422, "wrong-value", "Wrong value", "body: nested too deeply", field="body", cure=cure)


def large_problem(limit: int) -> Response:
    cure = f"Send at most {limit} bytes."
    return problem(413, "too-large", "The body is too large", f"body: over {limit} bytes", field="body", cure=cure)


def slow_problem(body: bool, body_seconds: float, answer_seconds: float) -> Response:
    """A body that did not arrive in time, or an answer that was not made in time."""
    if body:
        cure, headers = "Send the body faster.", {"Connection": "close"}
        detail = f"body: not whole after {body_seconds:g} seconds"
        return problem(408, "slow-body", "The body did not arrive", detail, field="body", cure=cure, headers=headers)
    cure = "Ask for less at once, or ask again later."
    detail = f"not answered within {answer_seconds:g} seconds"
    return problem(503, "slow-answer", "It took too long", detail, cure=cure, headers={"Retry-After": "5"})


def store_problem(error: StoreError) -> Response:
    """The report was not kept; sending it again is safe, because a report is kept once."""
    cure = "Send the same report again; it is kept once."
    return problem(503, "store", "Not recorded", str(error), cure=cure, headers={"Retry-After": "1"})


def memory_problem() -> Response:
    """A request that the process has no memory for just now."""
    cure = "Send it again, or send less."
    return problem(
        503, "memory", "Out of memory", "the service is short of memory", cure=cure, headers={"Retry-After": "1"}
    )


def no_policy_problem() -> Response:
    cure = "Start with --policy FOLDER, or promote a policy: /readyz tells what is missing."
    return problem(404, "no-policy", "No policy is loaded", "/route answers with the safe route", cure=cure)


def no_cache_problem() -> Response:
    cure = "Set TIERWISE_CACHE=true, or look at /readyz and the log for why it did not open."
    return problem(404, "no-cache", "No cache is open", "nothing is cached", cure=cure)


def forbidden_problem(detail: str, cure: str = "Send Authorization: Bearer with another key.") -> Response:
    return problem(403, "forbidden", "Not allowed", detail, cure=cure)


def access_problem(error: AccessError) -> Response:
    """No key that opens anything, or one that asks too fast."""
    if isinstance(error, RateLimitedError):
        seconds = math.ceil(error.wait_seconds)
        headers = {"Retry-After": str(seconds), "RateLimit": f'"key";r=0;t={seconds}'}
        cure = "Ask more slowly, or have the key's rate raised."
        return problem(429, "rate", "Too many requests", str(error), cure=cure, headers=headers)
    cure = "Send Authorization: Bearer with a key; python -m service keys make makes one."
    return problem(
        401, "no-access", "No access", str(error), cure=cure, headers={"WWW-Authenticate": 'Bearer realm="tierwise"'}
    )


def unexpected_problem() -> Response:
    detail = "The failure was logged. The request was not at fault."
    return problem(500, "about:blank", "Internal Server Error", detail)


async def http_problem(request: Request, error: Exception) -> Response:
    """What the framework refuses: no such path, no such method."""
    assert isinstance(error, HTTPException)
    allowed = (error.headers or {}).get("Allow")
    detail = f"{request.method} {request.url.path}" + (f"; allowed: {allowed}" if allowed else "")
    cure = "See /openapi.json for the paths and their methods."
    return problem(error.status_code, "about:blank", str(error.detail), detail, cure=cure, headers=error.headers)


def _value(value: Any) -> Any:
    """A short plain value as it came; anything else as a line of text."""
    if isinstance(value, bool) or (isinstance(value, (int, float)) and math.isfinite(value) and abs(value) < 2**53):
        return value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, str):
        return value if len(value) <= _SHOWN_CHARS else f"{value[:_SHOWN_CHARS]}… ({len(value)} characters)"
    return None if value is None else shown(value)
