"""Which requests may share answers: tenant, scope, and a fingerprint of all that shapes an answer but the last turn.

Knows requests. Knows no entries, vectors or risks. When in doubt, two requests differ,
and a request whose meaning is not all in its text is not cached.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from router.requests import Message, Request

KEY_VERSION = 1
_JSON = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
# Parameters that change how an answer travels or is billed, not what it says. Everything else is in the fingerprint:
# an unknown parameter may change the answer.
_DELIVERY = frozenset(
    {
        "stream",
        "stream_options",
        "user",
        "metadata",
        "service_tier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "store",
        "timeout",
        "request_timeout",
        "max_retries",
        "extra_headers",
        "idempotency_key",
    }
)


@dataclass(frozen=True)
class KeyRules:
    """What the operator allows to be cached.

    `max_temperature`: a request that asks for more variety than this wants a new answer each time.
    `read_only_tools`: names of tools that only look things up; any other tool may act, and acting twice is not reuse.
    `max_semantic_chars`: a longer text is answered by the exact tier only, because encoders and people alike judge
    the likeness of long texts by their beginning.
    """

    max_temperature: float = 0.3
    read_only_tools: frozenset[str] = frozenset()
    max_semantic_chars: int = 1_000


@dataclass(frozen=True)
class CacheKey:
    """Where a request's answers live. Entries of two different partitions never meet."""

    tenant: str
    scope: str
    fingerprint: str
    partition: str
    exact: bytes
    semantic: bool


@dataclass(frozen=True)
class NotCacheable:
    """Why a request bypasses the cache."""

    reason: str


def cache_key(request: Request, rules: KeyRules = KeyRules()) -> CacheKey | NotCacheable:
    """The key of a request, or why it has none."""
    controls = request.cache
    owner = {"tenant": "", "user": request.user, "session": request.session}[controls.scope]
    reason = _refusal(request, rules, owner)
    if reason:
        return NotCacheable(reason)
    try:
        fingerprint = _digest(_shape(request)).hex()
        scope = json.dumps([controls.scope, owner])
        partition = _partition(request.tenant, scope, fingerprint)
        exact = hashlib.sha256((partition + request.text).encode("utf-8")).digest()[:16]
    except (TypeError, ValueError, RecursionError):
        return NotCacheable("parameters are not plain JSON")
    semantic = len(request.text) <= rules.max_semantic_chars
    return CacheKey(request.tenant, scope, fingerprint, partition, exact, semantic)


def _refusal(request: Request, rules: KeyRules, owner: str | None) -> str:
    if request.cache.no_cache:
        return "the caller asked for no cache"
    if owner is None:
        return f"scope {request.cache.scope} without a {request.cache.scope}"
    if not request.text.strip() or not any(message.role == "user" for message in request.messages):
        return "no user turn"
    if any(_opaque(message) for message in request.messages):
        return "a turn carries more than its text"
    temperature = request.parameters.get("temperature")
    if temperature is not None and not _at_most(temperature, rules.max_temperature):
        return f"temperature above {rules.max_temperature:g}"
    acting = _acting_tools(request.parameters, rules)
    return f"tool {acting} may act" if acting else ""


def _opaque(message: Message) -> bool:
    """Pictures and tool calls are not in the text, so two turns that read the same may differ."""
    return message.images > 0 or message.role == "tool" or (message.role == "assistant" and not message.content)


def _at_most(value: Any, limit: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value <= limit


def _acting_tools(parameters: Mapping[str, Any], rules: KeyRules) -> str:
    """The name of a tool that may act, or nothing."""
    if parameters.get("tool_choice") == "none":
        return ""
    for name in ("tools", "functions"):
        tools = parameters.get(name) or ()
        if not isinstance(tools, (list, tuple)):
            return name
        for tool in tools:
            inner = tool.get("function", tool) if isinstance(tool, Mapping) else {}
            title = inner.get("name") if isinstance(inner, Mapping) else None
            if not isinstance(title, str) or title not in rules.read_only_tools:
                return str(title or "without a name")
    return ""


def _shape(request: Request) -> list[Any]:
    """Everything that shapes the answer but the text of the last user turn, whose place is kept."""
    last = max(i for i, message in enumerate(request.messages) if message.role == "user")
    turns = [{**vars(message)} for message in request.messages]  # every field, also one that is added later
    turns[last]["content"] = None
    bounds = request.constraints
    pool = [
        sorted(bounds.models) if bounds.models is not None else None,
        sorted(bounds.routes) if bounds.routes is not None else None,
        sorted(bounds.needs),
        bounds.min_quality,
        request.objective,
    ]
    chosen = {name: value for name, value in request.parameters.items() if name not in _DELIVERY and value is not None}
    return [KEY_VERSION, turns, pool, chosen]


@lru_cache(maxsize=4_096)
def _partition(tenant: str, scope: str, fingerprint: str) -> str:
    return _digest([KEY_VERSION, tenant, scope, fingerprint]).hex()


def forget_partitions() -> None:
    """Names of tenants and users are among what is kept to find a partition's name faster."""
    _partition.cache_clear()


def _digest(value: Any) -> bytes:
    return hashlib.sha256(_JSON.encode(_plain(value)).encode("utf-8")).digest()


def _plain(value: Any) -> Any:
    """JSON in one spelling: 1.0 and 1 ask for the same; an object with a key that is no text is refused."""
    if value is None or type(value) in (str, int, bool):  # most of what comes, and quicker to tell than a Mapping
        return value
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("an object key is not text")
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return cast(Any, value)
