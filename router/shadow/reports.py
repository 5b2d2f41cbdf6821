"""What came of an alternative, as a report on the decision brings it: read, scored by a reference, validated.

The texts are used for scoring and are not kept.
"""

from collections.abc import Callable, Mapping
from typing import Any

from router.errors import InputError
from router.shadow.checkers import CHECKERS, check

TEXTS = ("answer", "reference", "checker")
FACTS = (
    *("correct", "input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens", "usd", "latency_s"),
    *("status", "error", "model"),
)
_OWN = ("effort", "route", "incumbent_correct", "scored_by", *TEXTS)
MOST_TEXT = 100_000
_CURE = 'Send {"correct": 1, "input_tokens": 40, "output_tokens": 12}, or an answer with its reference.'


def read_shadow(
    given: Any, own_answer: str | None, read: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    """A report's `shadow`: the facts of a report (validated by `read`) on the alternative, or `answer`, `reference` and
    `checker` to score it by. Where the report brings its `own_answer` too, that is scored by the same reference.

    Raises InputError naming the field.
    """
    if given is None:
        return None
    if not isinstance(given, Mapping) or not given:
        raise InputError("shadow", given, "not an object", _CURE)
    unknown = [name for name in given if name not in (*FACTS, *_OWN)]
    if unknown:
        known = ", ".join((*FACTS, *_OWN))
        raise InputError(f"shadow.{unknown[0]}", given[unknown[0]], "unknown field", f"Known: {known}.")
    scores = _scores(given, own_answer)
    facts = {name: value for name, value in given.items() if name in FACTS}
    try:
        said = dict(read(facts)) if facts else {}
    except InputError as error:
        raise InputError(f"shadow.{error.field}", error.value, error.problem, error.cure) from error
    kept = {name: _name(given, name) for name in ("effort", "route", "scored_by") if given.get(name) is not None}
    label = {"scored_by": "label"} if "correct" in said else {}
    told = {**scores, **said, **label, **kept, **_incumbent(given)}
    if not said and not scores and "incumbent_correct" not in told:
        raise InputError("shadow", given, "states nothing", _CURE)
    return told


def _scores(given: Mapping[str, Any], own_answer: str | None) -> dict[str, Any]:
    """What a reference says of both answers, as far as they are there."""
    answer, reference = (_text(given, name) for name in ("answer", "reference"))
    checker = given.get("checker", "exact")
    if checker not in CHECKERS:
        raise InputError("shadow.checker", checker, "unknown checker", f"Use {' or '.join(CHECKERS)}.")
    if reference is None:
        return {}
    scored: dict[str, Any] = {"scored_by": checker}  # by itself, it scores what the service runs
    if answer is not None:
        scored["correct"] = check(answer, reference, checker)
    if own_answer is not None:
        scored["incumbent_correct"] = check(own_answer, reference, checker)
    return scored


def _incumbent(given: Mapping[str, Any]) -> dict[str, float]:
    value = given.get("incumbent_correct")
    if value is None:
        return {}
    if type(value) not in (int, float, bool) or not 0 <= value <= 1:
        raise InputError("shadow.incumbent_correct", value, "out of range", "Send a number from 0 to 1.")
    return {"incumbent_correct": float(value)}


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is not None and (not isinstance(value, str) or not 0 < len(value) <= MOST_TEXT):
        raise InputError(f"shadow.{name}", value, "not a text", f"Send 1 to {MOST_TEXT} characters, or leave it out.")
    return value


def _name(given: Mapping[str, Any], name: str) -> str:
    value = given[name]
    if not isinstance(value, str) or not 0 < len(value) <= 200 or not value.isprintable():
        raise InputError(f"shadow.{name}", value, "not a name", "Use 1 to 200 printable characters.")
    return value
