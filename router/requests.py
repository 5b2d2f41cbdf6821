"""What a caller is about to send, validated. Knows shapes and limits; nothing of the routes that exist or of prices."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any, NamedTuple

from router.cache.controls import CacheControls
from router.errors import InputError
from router.media_parts import Picture, Sound
from router.messages import Message, parse_messages, read_text

__all__ = ["Constraints", "Message", "Request", "Warm", "parse_messages"]
OWNING_TAGS = ("feature", "environment", "cost_centre", "task_id")  # tags that may stand at the top level too
NEEDS = frozenset({"tools", "vision", "json", "audio"})
MAX_CONTEXT_CHARS = 4_000_000
MOST_USD = 1_000_000_000
_NAME_CHARS = 200
_OURS = frozenset(
    {
        *("prompt", "messages", "tenant", "session", "user", "task", "tags", "constraints", "parameters"),
        *("value_usd", "objective", "cache", "plan", "query_id", "can_wait_seconds", *OWNING_TAGS),
    }
)


@dataclass(frozen=True)
class Constraints:
    """What the caller will not bend on. None means: no such limit.

    `max_usd` bounds the expected cost of the call in USD, `min_quality` the estimated P(correct), `max_seconds` the
    expected seconds of the call, `min_context` is the least context window in tokens.
    """

    models: tuple[str, ...] | None = None
    routes: tuple[str, ...] | None = None
    max_usd: Decimal | None = None
    min_quality: float | None = None
    needs: frozenset[str] = frozenset()
    min_context: int | None = None
    max_seconds: float | None = None


class Warm(NamedTuple):
    """What a provider may still hold of a request's beginning, for one model: the share of its characters that were
    sent before, and the part of that which is expected to be read at the cached rate (0..1 each)."""

    share: float
    read: float


@dataclass(frozen=True)
class Request:
    """A request before any model has seen it.

    `value_usd` overrides the policy's value of a correct answer for this request; `objective` may instead be
    `cheapest` or `best`. `plan`: the caller will report evidence about the answer and may be told to escalate.
    `can_wait_seconds`: the answer may come so much later, if that is cheaper. `ceiling_usd` is set by a throttling
    budget and `warm` (by model) by the session's earlier turns, never by a caller.
    """

    messages: tuple[Message, ...]
    tenant: str = "default"
    session: str | None = None
    user: str | None = None
    task: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    constraints: Constraints = Constraints()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    value_usd: float | None = None
    objective: str | None = None
    cache: CacheControls = field(default_factory=CacheControls)
    plan: bool = False
    can_wait_seconds: float | None = None
    ceiling_usd: Decimal | None = None
    warm: Mapping[str, Warm] = field(default_factory=dict)

    @cached_property
    def text(self) -> str:
        """What is asked: the last user turn, or the last turn where no user speaks."""
        spoken = [message.content for message in self.messages if message.role == "user"]
        return spoken[-1] if spoken else self.messages[-1].content

    @cached_property
    def text_sha256(self) -> str:
        """The SHA-256 of the text in hexadecimal digits: what is kept of it where texts are not."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @cached_property
    def context_chars(self) -> int:
        """Characters of everything that would be sent."""
        return sum(len(message.content) for message in self.messages)

    @property
    def images(self) -> int:
        return sum(message.images for message in self.messages)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        return tuple(one for message in self.messages for one in message.media if isinstance(one, Picture))

    @property
    def sounds(self) -> tuple[Sound, ...]:
        return tuple(one for message in self.messages for one in message.media if isinstance(one, Sound))

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> "Request":
        """Validate a plain mapping (a request body, a row of a query file).

        Raises InputError naming the field, the value and the cure.
        """
        objective = given.get("objective")
        if objective is not None and objective not in ("cheapest", "best"):
            raise InputError("objective", objective, "not an objective", "Use cheapest, best, or give value_usd.")
        return cls(
            messages=_messages(given),
            tenant=_name(given, "tenant") or "default",
            session=_name(given, "session"),
            user=_name(given, "user"),
            task=_name(given, "task"),
            tags=_tags(given.get("tags")) | {name: tag for name in OWNING_TAGS if (tag := _name(given, name))},
            constraints=_constraints(given.get("constraints")),
            parameters=_parameters(given),
            value_usd=_number(given.get("value_usd"), "value_usd", high=1e6),
            objective=objective,
            cache=CacheControls.from_mapping(_mapping(given.get("cache"), "cache")),
            plan=_flag(given.get("plan"), "plan"),
            can_wait_seconds=_number(given.get("can_wait_seconds"), "can_wait_seconds", high=1e7),
        )

    @classmethod
    def from_prompt(cls, prompt: str, task: str | None = None) -> "Request":
        return cls(messages=(Message("user", prompt),), task=task)


def _messages(given: Mapping[str, Any]) -> tuple[Message, ...]:
    prompt, messages = given.get("prompt"), given.get("messages")
    if (prompt is None) == (messages is None):
        raise InputError("prompt", prompt, "exactly one of prompt and messages is needed", "Send one of the two.")
    if messages is None:
        found: tuple[Message, ...] = (Message("user", read_text(prompt, "prompt")),)
    else:
        found = parse_messages(messages)
    chars = sum(len(message.content) for message in found)
    if chars > MAX_CONTEXT_CHARS:
        cure = f"Send at most {MAX_CONTEXT_CHARS} characters."
        raise InputError("messages", f"{chars} characters", "too long", cure)
    if not any(message.content.strip() or message.media for message in found):
        where = "prompt" if messages is None else "messages"
        raise InputError(where, prompt or "", "empty", "Send the text that the model will get.")
    return found


def _name(given: Mapping[str, Any], key: str) -> str | None:
    value = given.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or len(value) > _NAME_CHARS or not value.isprintable():
        raise InputError(key, value, "not a name", f"Use 1 to {_NAME_CHARS} printable characters, or leave it out.")
    return value


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InputError(where, value, "not an object", "Send a JSON object.")
    return dict(value)


def _parameters(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """What will be sent besides. A field of the body that is none of ours (`temperature`, `tools`, …) is one of these:
    whoever forwards a whole chat request must not be read as having set nothing."""
    beside = {name: given[name] for name in given if name not in _OURS}
    return {**beside, **_mapping(given.get("parameters"), "parameters")}


def _tags(value: Any) -> dict[str, str]:
    tags = _mapping(value, "tags")
    if len(tags) > 32:
        raise InputError("tags", f"{len(tags)} tags", "too many tags", "Send at most 32.")
    for key, tag in tags.items():
        # PostgreSQL reads no tag of a row with a NUL in one: a single request would spoil everybody's sums by tags
        if not isinstance(tag, str) or len(tag) > _NAME_CHARS or len(key) > _NAME_CHARS or "\x00" in key + tag:
            raise InputError(f"tags.{key}", tag, "not a short text", f"Use at most {_NAME_CHARS} characters, no NUL.")
    return tags


def _constraints(value: Any) -> Constraints:
    given = _mapping(value, "constraints")
    unknown = sorted(set(given) - set(Constraints.__dataclass_fields__))
    if unknown:
        known = ", ".join(Constraints.__dataclass_fields__)
        raise InputError(f"constraints.{unknown[0]}", given[unknown[0]], "unknown constraint", f"Known: {known}.")
    needs = frozenset(_names(given.get("needs"), "constraints.needs") or ())
    if needs - NEEDS:
        wrong = sorted(needs - NEEDS)[0]
        raise InputError("constraints.needs", wrong, "unknown need", f"Use any of {', '.join(sorted(NEEDS))}.")
    context = _number(given.get("min_context"), "constraints.min_context", high=1e8)
    return Constraints(
        models=_names(given.get("models"), "constraints.models"),
        routes=_names(given.get("routes"), "constraints.routes"),
        max_usd=_money(given.get("max_usd"), "constraints.max_usd"),
        min_quality=_number(given.get("min_quality"), "constraints.min_quality", high=1.0),
        needs=needs,
        min_context=None if context is None else int(context),
        max_seconds=_number(given.get("max_seconds"), "constraints.max_seconds", high=1e6),
    )


def _flag(value: Any, where: str) -> bool:
    if value is not None and not isinstance(value, bool):
        raise InputError(where, value, "neither true nor false", "Send true or false.")
    return bool(value)


def _names(value: Any, where: str) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or not value or not all(isinstance(one, str) and one for one in value):
        raise InputError(where, value, "not a list of names", "Send a list with at least one text.")
    return tuple(value)


def _number(value: Any, where: str, high: float) -> float | None:
    if value is None:
        return None
    fine = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not fine or not 0 <= value <= high:
        raise InputError(where, value, "out of range", f"Send a number from 0 to {high:g}.")
    return float(value)


def _money(value: Any, where: str) -> Decimal | None:
    """USD, exact. Text is taken as written; a binary float goes through its shortest decimal form."""
    if value is None:
        return None
    try:
        amount = Decimal(str(value)) if isinstance(value, (int, float, str, Decimal)) else None
    except InvalidOperation:
        amount = None
    if amount is None or isinstance(value, bool) or not amount.is_finite() or not 0 <= amount <= MOST_USD:
        raise InputError(where, value, "not an amount of USD", f"Send a number from 0 to {MOST_USD}.")
    return amount
