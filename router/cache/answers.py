"""Answers that may be stored, and whether two of them say the same. Knows texts; knows no requests or vectors."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from router.errors import InputError, shown

# Endings by which providers say that nothing is missing. A caller who reports none vouches for the answer.
_COMPLETE = frozenset({"stop", "end_turn", "stop_sequence", "completed", "complete", "STOP"})
_GIVEN = frozenset({"content", "finish_reason", "key", "extra"})
_NAME_CHARS = 1_000
_SHORT = 200  # characters; two short answers that differ do differ


@dataclass(frozen=True)
class NewAnswer:
    """What a caller reports to be stored. `key` names the answer where the caller can tell when two are the same;
    `usd` is what asking cost, and so what a hit saves; `source` is the lookup that it answers."""

    content: str
    model: str = ""
    usd: float = 0.0
    finish_reason: str | None = None
    failed: bool = False
    key: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""

    @property
    def digest(self) -> str:
        """Equal for answers with equal keys, else for answers with equal words."""
        said = f"key:{self.key}" if self.key is not None else f"text:{normalised(self.content)}"
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()

    def refusal(self, max_bytes: int) -> str:
        """Why it must not be stored; empty where it may."""
        if self.failed:
            return "the call failed"
        if self.finish_reason is not None and self.finish_reason not in _COMPLETE:
            return f"the answer is incomplete ({self.finish_reason[:40]})"
        if not self.content.strip():
            return "the answer is empty"
        extra = json.dumps(dict(self.extra), default=str) if self.extra else ""
        size = len(self.content.encode("utf-8", "surrogatepass")) + len(extra)
        return f"the answer has {size} bytes, more than {max_bytes}" if size > max_bytes else ""


def read_answer(given: Any) -> NewAnswer | None:
    """Validate the `answer` of a report: its text, or an object with `content`. Raises InputError naming the field."""
    if given is None:
        return None
    if isinstance(given, str):
        given = {"content": given}
    if not isinstance(given, Mapping):
        raise InputError("answer", given, "neither a text nor an object", 'Send {"content": "…"}.')
    unknown = sorted(set(map(str, given)) - _GIVEN)
    if unknown:
        cure = f"Known: {', '.join(sorted(_GIVEN))}."
        raise InputError(f"answer.{unknown[0]}", given.get(unknown[0]), "unknown field", cure)
    extra = given.get("extra") or {}
    if not isinstance(extra, Mapping):
        raise InputError("answer.extra", extra, "not an object", "Send a JSON object.")
    try:
        json.dumps(extra, allow_nan=False)
    except (RecursionError, TypeError, ValueError) as error:
        raise InputError("answer.extra", "…", "not plain JSON", "Send fewer levels of plain values.") from error
    texts = {name: _text(given, name) for name in ("content", "finish_reason", "key")}
    if texts["content"] is None:
        raise InputError("answer.content", None, "missing", "Send the text of the answer.")
    return NewAnswer(texts["content"], finish_reason=texts["finish_reason"], key=texts["key"], extra=dict(extra))


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or (name != "content" and len(value) > _NAME_CHARS):
        raise InputError(f"answer.{name}", value, "not a text of fitting length", "Send a string.")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(f"answer.{name}", shown(value), "not valid Unicode", "Remove lone surrogates.") from error
    return value.replace("\x00", "")  # PostgreSQL keeps no NUL in text


def same_answer(new: NewAnswer, old_digest: str, old_content: str, old_key: str | None) -> bool | None:
    """Whether the old answer would have served as well as the new one; None where their words cannot tell.

    Two wordings of a long answer may agree without sharing a sentence, so only keys, equal words, or differing short
    answers and numbers count as evidence.
    """
    if new.key is not None or old_key is not None:
        return new.key == old_key if new.key is not None and old_key is not None else None
    if new.digest == old_digest:
        return True
    if max(len(new.content), len(old_content)) <= _SHORT:
        return False
    numbers = _numbers(new.content) ^ _numbers(old_content)
    return False if numbers and min(len(new.content), len(old_content)) <= _SHORT else None


def normalised(text: str) -> str:
    """Letters and digits in lower case: what is left when wrapping and punctuation are taken away."""
    return " ".join(re.findall(r"[\w.%$€£+-]+", text.lower().replace("*", " "))).rstrip(".")


def _numbers(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\d+(?:\.\d+)?", text))
