"""The turns of a request, read from OpenAI-style messages. Knows shapes; nothing of who asks, or of what may answer."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from router.errors import InputError, shown
from router.media_parts import PICTURES, Picture, Sound, read_media

ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})


@dataclass(frozen=True)
class Message:
    """One turn. `content` is its text; `images` counts the parts that are pictures; `rest` is a digest of whatever
    else it carries (a name, tool calls, sound, the pictures themselves), so that two turns that differ do differ.
    `media` are the pictures and sounds by their size."""

    role: str
    content: str
    images: int = 0
    rest: str = ""
    media: tuple[Picture | Sound, ...] = ()


def parse_messages(given: Any, field_name: str = "messages") -> tuple[Message, ...]:
    """Read OpenAI-style messages: a list of {role, content}, where content is a text or a list of typed parts."""
    if not isinstance(given, (list, tuple)) or not given:
        raise InputError(field_name, given, "not a list of messages", 'Send [{"role": "user", "content": "…"}].')
    return tuple(_message(one, f"{field_name}[{i}]") for i, one in enumerate(given))


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
        return Message(role, read_text(content, f"{where}.content"), rest=_rest(others))
    return _parts(role, content, others, f"{where}.content")


def _parts(role: str, content: Any, others: Mapping[str, Any], where: str) -> Message:
    if not isinstance(content, (list, tuple)):
        raise InputError(where, content, "neither text nor a list of parts", "Send a string or typed parts.")
    texts, images, unread, media = [], 0, [], []
    for i, part in enumerate(content):
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind in ("text", "input_text"):
            texts.append(read_text(part.get("text"), f"{where}[{i}].text"))
            continue
        if not isinstance(kind, str):
            raise InputError(f"{where}[{i}]", part, "not a typed part", 'Send {"type": "text", "text": "…"}.')
        images += kind in PICTURES
        unread.append(part)
        media.append(read_media(part))
    rest = _rest({**others, "": unread} if unread else others)
    return Message(role, "\n".join(texts), images, rest, tuple(one for one in media if one is not None))


def _rest(others: Mapping[str, Any]) -> str:
    """A digest of what is said beside the text; nothing where nothing is."""
    if not others:
        return ""
    try:
        plain = json.dumps(others, sort_keys=True, default=repr)
    except (TypeError, ValueError, RecursionError):  # nothing that could be compared: unlike anything else
        plain = uuid.uuid4().hex
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def read_text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise InputError(where, value, "not text", "Send a string.")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(where, shown(value), "not valid Unicode", "Remove lone surrogates.") from error
    return value
