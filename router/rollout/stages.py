"""Which requests a candidate decides while it is on trial: a stable share of sessions, never half of one.

Knows tenants, sessions and hashes; nothing of policies.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from router.errors import InputError
from router.policy import Policy
from router.requests import Request

STAGES = (0.01, 0.1, 0.5, 1.0)
_BYTES = 8


@dataclass(frozen=True)
class Trial:
    """A candidate and its share of traffic; with share 0 it only watches."""

    policy: Policy
    share: float

    def takes(self, request: Request) -> bool:
        """Whether the candidate decides this request. What it takes at one stage it keeps at every later one."""
        return self.share > 0 and place(request, self.policy.version) < self.share


def place(request: Request, salt: str) -> float:
    """Where a request's unit stands from 0 to 1: the same for all requests of a tenant's session. Without a session the
    user is the unit, without a user the text. `salt` lets every candidate meet other sessions first."""
    unit = request.session or request.user or request.text
    # lengths keep ("a", "bc") apart from ("ab", "c")
    told = f"{salt}\x00{len(request.tenant)}\x00{request.tenant}\x00{unit}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(told, digest_size=_BYTES).digest(), "big") / 2 ** (8 * _BYTES)


def next_stage(share: float) -> float:
    """The stage after a share; 1 after the last."""
    return next((stage for stage in STAGES if stage > share + 1e-12), 1.0)


def read_share(value: Any, field: str = "share") -> float:
    """A share as a person or a pointer gives it: 0 to 1. Raises InputError."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        cure = "Send 0 (watch only), 0.01, 0.1, 0.5 or 1, or leave it out for the next stage."
        raise InputError(field, value, "not a share of traffic", cure)
    return float(value)


def share_of(facts: Mapping[str, Any]) -> float:
    """A candidate pointer's share; 0 where it names none."""
    return read_share(facts.get("share", 0.0))
