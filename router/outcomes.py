"""Reports of what happened after a decision: read, merged, compared, priced. Knows nothing of where they are kept."""

import difflib
import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from router.cache.answers import NewAnswer, read_answer
from router.decisions import Outcome
from router.errors import InputError
from router.meters import SERVICE_TIERS, Meters
from router.prices import Usage
from router.provider_usage import read_usage
from router.routes import Route
from router.shadow.reports import read_shadow
from router.spend.caused_calls import read_calls

Pricer = Callable[[Route, Usage, datetime], Decimal | None]

FIELDS = tuple("answer" if field.name == "answer_sha256" else field.name for field in fields(Outcome))
METERED = (
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "image_input_tokens",
    "web_searches",
)
TOKENS = ("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens", *METERED)
SHARES = ("correct", "confidence", "agreement")
MOST_TOKENS, MOST_USD, MOST_SECONDS = 1_000_000_000, Decimal(1_000_000), 1e7
MOST_DETAILS_CHARS, MOST_ERROR_CHARS, _NAME_CHARS = 10_000, 2_000, 200


def read_outcome(given: Mapping[str, Any]) -> Outcome:
    """Validate a report. Raises InputError naming the field."""
    return read_report(given)[0]


def read_report(given: Mapping[str, Any]) -> tuple[Outcome, NewAnswer | None]:
    """Validate a report: the outcome, and the answer where it brings one. Raises InputError naming the field; an
    unknown field is refused, for it would be lost."""
    if given.get("usage") is not None:
        given = read_usage(given["usage"]) | {name: value for name, value in given.items() if name != "usage"}
    for name, value in given.items():
        if name not in FIELDS and name != "usage":
            near = difflib.get_close_matches(str(name), FIELDS, n=3, cutoff=0.4) or FIELDS
            raise InputError(str(name), value, "unknown field", f"Nearest known: {', '.join(near)}.")
    if given.get("decision_id") is None:
        raise InputError("decision_id", None, "missing", "Send the decision_id that /route answered.")
    answer = read_answer(given.get("answer"))
    outcome = Outcome(
        answer_sha256=None if answer is None else hashlib.sha256(answer.content.encode()).hexdigest(),
        feedback=_one_of("feedback", given.get("feedback"), "right", "wrong"),
        decision_id=_name(given, "decision_id") or "",
        tenant=_name(given, "tenant") or "default",
        usd=_money(given.get("usd")),
        latency_s=_number(given, "latency_s", MOST_SECONDS),
        mean_logprob=_logprob(given.get("mean_logprob")),
        refused=_flag(given, "refused"),
        schema_valid=_flag(given, "schema_valid"),
        status=_one_of("status", given.get("status"), "ok", "error"),
        error=_short(given, "error"),
        model=_name(given, "model"),
        details=_details(given.get("details")),
        resolved=_flag(given, "resolved"),
        storage_token_hours=_number(given, "storage_token_hours", 1e15),
        service_tier=_service_tier(given.get("service_tier")),
        calls=read_calls(given.get("calls"), _caused),
        shadow=read_shadow(given.get("shadow"), None if answer is None else answer.content, _caused),
        **_each(TOKENS, given, _tokens),
        **_each(SHARES, given, _share),
    )
    if not facts(outcome):
        raise InputError("outcome", None, "the report states nothing", f"Send any of {', '.join(FIELDS[2:])}.")
    return outcome, answer


def facts(outcome: Outcome) -> dict[str, Any]:
    """What a report states beyond whose it is, JSON-able; USD as text so that no digit is lost."""
    said = {name: value for name, value in outcome.said().items() if name not in ("decision_id", "tenant")}
    if outcome.usd is not None:
        said["usd"] = format(outcome.usd.normalize(), "f")
    return said


def content_digest(outcome: Outcome) -> str:
    """The same for reports that state the same."""
    return hashlib.sha256(json.dumps(facts(outcome), sort_keys=True).encode()).hexdigest()


def merge(decision_id: str, tenant: str, reports: Sequence[Mapping[str, Any]]) -> Outcome:
    """One outcome of several reports' facts, in the order of arrival: a field stated later wins; details add up."""
    merged: dict[str, Any] = {}
    for report in reports:
        both = {name: {**merged.get(name, {}), **report.get(name, {})} for name in ("details", "shadow")}
        merged |= {**report, **{name: told for name, told in both.items() if told}}
    if "usd" in merged:
        merged["usd"] = Decimal(merged["usd"])
    return Outcome(decision_id, tenant, **merged)


def conflicts(before: Outcome, report: Outcome) -> dict[str, dict[str, Any]]:
    """The fields in which a report contradicts what was said before it."""
    old, new = facts(before), facts(report)
    changed = [name for name in new if name in old and name not in ("details", "shadow") and new[name] != old[name]]
    return {name: {"before": old[name], "now": new[name]} for name in changed}


def billed(outcome: Outcome, route: Route, at: datetime, price: Pricer) -> Decimal | None:
    """Exact USD of the call: as reported, else priced from its tokens; None where neither is known."""
    if outcome.usd is not None:
        return outcome.usd
    if outcome.input_tokens is None or outcome.output_tokens is None:
        return None
    if outcome.model is not None and outcome.model != route.model:
        route = replace(route, model=outcome.model)  # the caller sent the request elsewhere after all
    cached = min(outcome.cached_input_tokens or 0, outcome.input_tokens)
    usage = Usage(outcome.input_tokens, outcome.output_tokens, cached, outcome.reasoning_tokens or 0, meters(outcome))
    return price(route, usage, at)


def as_decided(outcome: Outcome, service_tier: str | None) -> Outcome:
    """The outcome on the service tier that was decided, unless it says which one answered."""
    return outcome if outcome.service_tier or not service_tier else replace(outcome, service_tier=service_tier)


def meters(outcome: Outcome) -> Meters:
    """What a report counts besides plain tokens."""
    counts = {name: getattr(outcome, name) or 0 for name in (*METERED, "storage_token_hours")}
    return Meters(**counts, service_tier=outcome.service_tier or "default")


def _caused(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The facts of a call inside a report: read as a report of its own."""
    if {"calls", "shadow", "decision_id"} & given.keys():
        cure = "Leave them out."
        raise InputError("calls", "…", "a call inside a report has no calls of its own", cure)
    return facts(read_outcome({**given, "decision_id": "caused"}))


def _each(names: Sequence[str], given: Mapping[str, Any], read: Callable[[Mapping[str, Any], str], Any]) -> Any:
    return {name: read(given, name) for name in names}


def _share(given: Mapping[str, Any], name: str) -> float | None:
    return _number(given, name, 1.0)


def _tokens(given: Mapping[str, Any], name: str) -> int | None:
    value = given.get(name)
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= MOST_TOKENS:
        raise InputError(name, value, "not a number of tokens", f"Send a whole number from 0 to {MOST_TOKENS}.")
    return value


def _number(given: Mapping[str, Any], name: str, high: float) -> float | None:
    value = given.get(name)
    if value is None:
        return None
    if isinstance(value, bool) and name == "correct":
        return float(value)
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value <= high:
        raise InputError(name, value, "out of range", f"Send a number from 0 to {high:g}.")
    return float(value)


def _logprob(value: Any) -> float | None:
    if value is None:
        return None
    if type(value) not in (int, float) or not -1e3 <= value <= 0:
        raise InputError("mean_logprob", value, "out of range", "Send a natural logarithm from -1000 to 0.")
    return float(value)


def _flag(given: Mapping[str, Any], name: str) -> bool | None:
    value = given.get(name)
    if value is not None and not isinstance(value, bool):
        raise InputError(name, value, "not a yes or no", "Send true or false.")
    return value


def _service_tier(value: Any) -> str | None:
    if value in (None, "auto", "standard", "scale"):
        return None
    if value not in SERVICE_TIERS:
        raise InputError("service_tier", value, "unknown service tier", f"Use one of {', '.join(SERVICE_TIERS)}.")
    return str(value)


def _money(value: Any) -> Decimal | None:
    if value is None:
        return None
    try:
        amount = Decimal(str(value)) if type(value) in (int, float, str, Decimal) else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite() or not 0 <= amount <= MOST_USD or len(str(value)) > 40:
        raise InputError("usd", value, "not an amount of USD", f"Send a number or text from 0 to {MOST_USD}.")
    return amount


def _name(given: Mapping[str, Any], key: str) -> str | None:
    value = given.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or len(value) > _NAME_CHARS or not value.isprintable():
        raise InputError(key, value, "not a name", f"Use 1 to {_NAME_CHARS} printable characters.")
    return value


def _short(given: Mapping[str, Any], key: str) -> str | None:
    value = given.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MOST_ERROR_CHARS:
        raise InputError(key, value, "not a short text", f"Use at most {MOST_ERROR_CHARS} characters.")
    return value.replace("\x00", "")  # PostgreSQL keeps no NUL in text


def _one_of(name: str, value: Any, *known: str) -> Any:
    if value is not None and value not in known:
        raise InputError(name, value, f"unknown {name}", f"Use {' or '.join(known)}.")
    return value


def _details(value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InputError("details", value, "not an object", "Send a JSON object.")
    try:
        chars = len(json.dumps(value, allow_nan=False))
    except (RecursionError, TypeError, ValueError) as error:
        raise InputError("details", "…", "not plain JSON", "Send fewer levels of plain values.") from error
    if chars > MOST_DETAILS_CHARS:
        raise InputError("details", f"{chars} characters", "too long", f"Send at most {MOST_DETAILS_CHARS} characters.")
    return value
