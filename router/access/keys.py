"""A caller's key: whose it is, what it may do, until when. Knows tokens and digests; nothing of where keys are kept.

A token reads `tw_<key id>_<secret>`. The secret is 32 random bytes, so its plain SHA-256 is as good as a slow hash:
nobody guesses through 2^256. Only digests are kept; the token is seen once, where it is made.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Literal, get_args

from router.errors import InputError

Scope = Literal["route", "outcomes", "cache", "read", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
EVERY_TENANT = "*"
_TOKEN = re.compile(r"tw_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NOBODYS = bytes(32)


@dataclass(frozen=True)
class Key:
    """A key as it is kept. Moments are seconds since 1970; None means never, or no limit.

    `tenant` is one tenant, or `*`: a gateway or an operator that may name any. After a rotation the digest before it is
    accepted until `old_until`.
    """

    key_id: str
    tenant: str
    scopes: frozenset[str]
    digest: bytes
    created: float
    name: str = ""
    expires: float | None = None
    revoked: float | None = None
    requests_per_second: float | None = None
    old_digest: bytes | None = None
    old_until: float | None = None

    def matches(self, secret: str, now: float) -> bool:
        """Whether this is the key's secret, in a time that does not depend on it."""
        found = digest_of(secret)
        old = self.old_digest if self.old_until is not None and now < self.old_until else None
        fresh, former = hmac.compare_digest(found, self.digest), hmac.compare_digest(found, old or _NOBODYS)
        return fresh or former

    def state(self, now: float) -> Literal["valid", "expired", "revoked"]:
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and now >= self.expires else "valid"

    def allows(self, scope: str) -> bool:
        """An admin may read; nothing else is implied."""
        return scope in self.scopes or (scope == "read" and "admin" in self.scopes)


def new_token() -> tuple[str, str]:
    """A key id, and a secret that nobody has seen."""
    return secrets.token_hex(6), secrets.token_urlsafe(32)


def token_of(key_id: str, secret: str) -> str:
    return f"tw_{key_id}_{secret}"


def parse_token(token: str) -> tuple[str, str] | None:
    """Key id and secret; None for anything that we never made."""
    found = _TOKEN.fullmatch(token)
    return None if found is None else (found[1], found[2])


def digest_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def read_scopes(text: str) -> frozenset[str]:
    """Scopes as a person writes them, `route,outcomes`. Raises InputError."""
    named = frozenset(one.strip() for one in text.split(",") if one.strip())
    wrong = sorted(named - set(SCOPES))
    if wrong or not named:
        cure = f"Use any of {', '.join(SCOPES)}, separated by commas."
        raise InputError("scopes", wrong[0] if wrong else text, "not a scope", cure)
    return named
