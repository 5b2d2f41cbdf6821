"""Answers that may be stored, and whether two of them say the same. Knows texts; knows no requests or vectors."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Endings by which providers say that nothing is missing. A caller who reports none vouches for the answer.
_COMPLETE = frozenset({"stop", "end_turn", "stop_sequence", "completed", "complete", "STOP"})
_SHORT = 200  # characters; two short answers that differ do differ


@dataclass(frozen=True)
class NewAnswer:
    """What a caller reports to be stored. `key` names the answer where the caller can tell when two are the same;
    `usd` is what asking cost, and so what a hit saves."""

    content: str
    model: str = ""
    usd: float = 0.0
    finish_reason: str | None = None
    failed: bool = False
    key: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

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
