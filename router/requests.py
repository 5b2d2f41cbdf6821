"""What a caller is about to send, validated. Knows shapes and limits; nothing of the routes that exist or of prices."""

import hashlib
import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from router.cache.controls import CacheControls
from router.errors import InputError, shown

ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})
OWNING_TAGS = ("feature", "environment", "cost_centre", "task_id")  # tags that may stand at the top level too
NEEDS = frozenset({"tools", "vision", "json"})
MAX_CONTEXT_CHARS = 4_000_000
_NAME_CHARS = 200
_OURS = frozenset(
    {
        *("prompt", "messages", "tenant", "session", "user", "task", "tags", "constraints", "parameters"),
        *("value_usd", "objective", "cache", "plan", "query_id", *OWNING_TAGS),
    }
)


@dataclass(frozen=True)
class Message:
    """One turn. `content` is its text; `images` counts the parts that are pictures; `rest` is a digest of whatever
    else it carries (a name, tool calls, sound, the pictures themselves), so that two turns that differ do differ."""

    role: str
    content: str
    images: int = 0
    rest: str = ""


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


@dataclass(frozen=True)
class Request:
    """A request before any model has seen it.

    `value_usd` overrides the policy's value of a correct answer for this request; `objective` may instead be
    `cheapest` or `best`. `plan`: the caller will report evidence about the answer and may be told to escalate.
    `ceiling_usd` is set by a throttling budget, never by a caller.
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
    ceiling_usd: Decimal | None = None

    @property
    def text(self) -> str:
        """What features and encoder read: the last user turn, or the last turn where no user speaks."""
        spoken = [message.content for message in self.messages if message.role == "user"]
        return spoken[-1] if spoken else self.messages[-1].content

    @property
    def context_chars(self) -> int:
        """Characters of everything that would be sent."""
        return sum(len(message.content) for message in self.messages)

    @property
    def images(self) -> int:
        return sum(message.images for message in self.messages)

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
        )

    @classmethod
    def from_prompt(cls, prompt: str, task: str | None = None) -> "Request":
        return cls(messages=(Message("user", prompt),), task=task)


def parse_messages(given: Any, field_name: str = "messages") -> tuple[Message, ...]:
    """Read OpenAI-style messages: a list of {role, content}, where content is a text or a list of typed parts."""
    if not isinstance(given, (list, tuple)) or not given:
        raise InputError(field_name, given, "not a list of messages", 'Send [{"role": "user", "content": "…"}].')
    return tuple(_message(one, f"{field_name}[{i}]") for i, one in enumerate(given))


def _messages(given: Mapping[str, Any]) -> tuple[Message, ...]:
    prompt, messages = given.get("prompt"), given.get("messages")
    if (prompt is None) == (messages is None):
        raise InputError("prompt", prompt, "exactly one of prompt and messages is needed", "Send one of the two.")
    if messages is None:
        found: tuple[Message, ...] = (Message("user", _text(prompt, "prompt")),)
    else:
        found = parse_messages(messages)
    chars = sum(len(message.content) for message in found)
    if chars > MAX_CONTEXT_CHARS:
        cure = f"Send at most {MAX_CONTEXT_CHARS} characters."
        raise InputError("messages", f"{chars} characters", "too long", cure)
    if not any(message.content.strip() or message.images for message in found):
        where = "prompt" if messages is None else "messages"
        raise InputError(where, prompt or "", "empty", "Send the text that the model will get.")
    return found


def _message(given: Any, where: str) -> Message:
    if not isinstance(given, Mapping):
        raise InputError(where, given, "not a message", 'Send {"role": "user", "content": "…"}.')
    role = given.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise InputError(f"{where}.role", role, "unknown role", f"Use one of {', '.join(sorted(ROLES))}.")
    content, others = given.get("content"), {name: given[name] for name in given if name not in ("role", "content")}
    if content is None:
        return Message(role, "", rest=_rest(others))  # an assistant turn that only calls tools carries no content
    if isinstance(content, str):
        return Message(role, _text(content, f"{where}.content"), rest=_rest(others))
    return _parts(role, content, others, f"{where}.content")


def _parts(role: str, content: Any, others: Mapping[str, Any], where: str) -> Message:
    if not isinstance(content, (list, tuple)):
        raise InputError(where, content, "neither text nor a list of parts", "Send a string or typed parts.")
    texts, images, unread = [], 0, []
    for i, part in enumerate(content):
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind in ("text", "input_text"):
            texts.append(_text(part.get("text"), f"{where}[{i}].text"))
            continue
        if not isinstance(kind, str):
            raise InputError(f"{where}[{i}]", part, "not a typed part", 'Send {"type": "text", "text": "…"}.')
        images += kind in ("image_url", "image", "input_image")
        unread.append(part)
    return Message(role, "\n".join(texts), images, _rest({**others, "": unread} if unread else others))


def _rest(others: Mapping[str, Any]) -> str:
    """A digest of what is said beside the text; nothing where nothing is."""
    if not others:
        return ""
    try:
        plain = json.dumps(others, sort_keys=True, default=repr)
    except (TypeError, ValueError, RecursionError):  # nothing that could be compared: unlike anything else
        plain = uuid.uuid4().hex
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise InputError(where, value, "not text", "Send a string.")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(where, shown(value), "not valid Unicode", "Remove lone surrogates.") from error
    return value


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
    if amount is None or isinstance(value, bool) or not amount.is_finite() or amount < 0:
        raise InputError(where, value, "not an amount of USD", "Send a finite number that is not negative.")
    return amount
