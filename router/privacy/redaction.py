"""Takes secrets and personal data out of text by their form, before it is logged. Knows patterns, no context.

A pattern cannot know a name or an illness. This is a net under places where prompt text should never come, not a reason
to let it come there.
"""

import re
from collections.abc import Mapping
from typing import Any

_MOST_CHARS = 10_000  # of one text: what is longer is cut before it is searched
_MOST_DEPTH = 20
_SECRETS = (
    ("key", r"\btw_[0-9a-f]{12}_[A-Za-z0-9_-]{20,}"),
    ("key", r"\b(?:sk|pk|rk)[-_](?:[a-z]+[-_])*[A-Za-z0-9_-]{16,}"),
    (
        "key",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,})",
    ),
    ("key", r"\bhf_[A-Za-z0-9]{20,}"),
    ("key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_-]{30,}|\bxox[abprs]-[A-Za-z0-9-]{10,}"),
    ("key", r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]{0,8000}(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"),
    ("token", r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    ("token", r"(?i:\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}"),
    (
        "secret",
        r"(?i:\b(?:password|secret|api[_-]?key|access[_-]?token)\b[\"']?\s*[:=]\s*[\"']?)[^\s\"',;}]{3,200}",
    ),
    ("password", r"(?<=://)[^/\s:@]{1,100}:[^/\s@]{1,100}(?=@)"),
)
_PERSONAL = (
    ("email", r"\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,24}\b"),
    ("iban", r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"),
    ("ssn", r"\b\d{3}-\d{2}-\d{4}\b"),
    ("card", r"\b\d(?:[ -]?\d){12,18}\b"),
    ("phone", r"(?<![\w.])\+\d{1,3}[ .-]?\(?\d{1,4}\)?(?:[ .-]?\d{2,4}){2,4}(?!\w)"),
    ("ip", r"\b(?:\d{1,3}\.){3}\d{1,3}\b"),
)
_ANY = re.compile("|".join(f"(?P<{kind}_{i}>{form})" for i, (kind, form) in enumerate((*_SECRETS, *_PERSONAL))))


def redact(text: str) -> str:
    """The text with `[email]`, `[key]`, `[card]`, … where one stood."""
    cut = text if len(text) <= _MOST_CHARS else f"{text[:_MOST_CHARS]}…"
    return _ANY.sub(_replaced, cut)


def redact_all(value: Any, depth: int = _MOST_DEPTH) -> Any:
    """The same for every text in a plain value, keys of mappings included; what lies too deep becomes null."""
    if isinstance(value, str):
        return redact(value)
    if not isinstance(value, (Mapping, list, tuple)):
        return value
    if depth == 0:
        return None
    if isinstance(value, Mapping):
        return {redact_all(name, depth): redact_all(one, depth - 1) for name, one in value.items()}
    return [redact_all(one, depth - 1) for one in value]


def _replaced(found: re.Match[str]) -> str:
    kind = (found.lastgroup or "secret").rpartition("_")[0]
    if kind == "card" and not _is_card(found[0]):
        return found[0]
    if kind == "ip" and any(int(part) > 255 for part in found[0].split(".")):
        return found[0]
    return f"[{kind}]"


def _is_card(text: str) -> bool:
    """Luhn's check: a row of digits that fails it is an amount, an id or a moment."""
    digits = [int(one) for one in text if one.isdigit()][::-1]
    doubled = [digit if i % 2 == 0 else (digit * 2 - 9 if digit > 4 else digit * 2) for i, digit in enumerate(digits)]
    return sum(doubled) % 10 == 0
