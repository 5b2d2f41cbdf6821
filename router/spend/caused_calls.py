"""Calls that another call caused: retries, fallbacks, escalations, judges, shadows. Read from a report, validated."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from router.errors import InputError
from router.spend.ledger import KINDS

MOST_CALLS = 100
CAUSED_KINDS = tuple(kind for kind in KINDS if kind not in ("call", "cache"))


def read_calls(
    given: Any, read: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> tuple[Mapping[str, Any], ...] | None:
    """A report's `calls`: each {kind, model, effort, status} with the counts or the `usd` of a report, which `read`
    validates. Raises InputError naming the call and the field."""
    if given is None:
        return None
    if not isinstance(given, list) or not 0 < len(given) <= MOST_CALLS:
        raise InputError("calls", given, "not a list of calls", f"Send 1 to {MOST_CALLS} objects.")
    return tuple(_call(f"calls[{i}]", one, read) for i, one in enumerate(given))


def caused_id(cause_id: str, mark: str) -> str:
    """The ledger's id of a call that another one caused; the same `mark` is booked once."""
    return f"{cause_id}:{hashlib.sha256(mark.encode()).hexdigest()[:12]}"


def _call(where: str, given: Any, read: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise InputError(
            where, given, "not an object", "Send {kind, model, input_tokens, output_tokens} or {kind, usd}."
        )
    kind = given.get("kind", "retry")
    if kind not in CAUSED_KINDS:
        raise InputError(f"{where}.kind", kind, "unknown kind", f"Use one of {', '.join(CAUSED_KINDS)}.")
    try:
        said = dict(read({name: value for name, value in given.items() if name not in ("kind", "effort")}))
    except InputError as error:
        raise InputError(f"{where}.{error.field}", error.value, error.problem, error.cure) from error
    effort = given.get("effort")
    if effort is not None and (not isinstance(effort, str) or not 0 < len(effort) <= 50 or not effort.isprintable()):
        raise InputError(f"{where}.effort", effort, "not an effort", "Use none, low, medium, high or leave it out.")
    return {"kind": kind, **({"effort": effort} if effort else {}), **said}
