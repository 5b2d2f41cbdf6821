"""What was decided and why, and what came of it: the records that are logged, joined by `decision_id`."""

import math
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from router.cache.records import CacheLookup
from router.routes import Route


@dataclass(frozen=True)
class Option:
    """A route as it was weighed for one request.

    `p_correct` with its 95 % interval [`p_low`, `p_high`]; `expected_usd` and `upper_usd` (at the .95 quantile of the
    output) at the prices of the moment, on `service_tier`; `cached_input_tokens` of the expected `input_tokens` should
    be read at the provider's cached rate; `max_output_tokens` is the cap to send.
    """

    route: Route
    tier: str
    p_correct: float
    p_low: float
    p_high: float
    expected_usd: float
    output_tokens: float
    max_output_tokens: int
    seconds: float
    upper_usd: float = math.nan
    input_tokens: float = math.nan
    cached_input_tokens: float = 0.0
    service_tier: str = "default"


@dataclass(frozen=True)
class Decision:
    """One decision. `propensity` is the probability with which the policy took this action.

    `action` is `route`, `cached` when a stored answer serves (`lookup` carries it, and `chosen` is the route that gave
    it then), or `fallback` when something failed and the configured safe route answers; `reason` says why in a
    sentence, and `fallback` names the failure. `lookup` is what the cache said, None where there is no cache.
    `ceiling_usd` is what a throttling budget allowed the call to cost. `plan` is there where the answer should be
    looked at before it is used: in how many `calls`, for which `signals`; its outcome then tells whether to escalate.
    `exploration` is the lottery that the decision went through, where one is held (router.exploration).
    """

    decision_id: str
    action: Literal["route", "cached", "fallback"]
    chosen: Option
    alternatives: tuple[Option, ...]
    value_usd: float | None
    propensity: float
    policy: str
    reason: str
    parameters: Mapping[str, Any]
    at: datetime
    unlike: float = 0.0
    task: str | None = None
    fallback: str | None = None
    logged: bool = True
    lookup: CacheLookup | None = None
    ceiling_usd: Decimal | None = None
    plan: Mapping[str, Any] | None = None
    exploration: Mapping[str, Any] | None = None

    @property
    def saved_usd(self) -> float:
        """What asking had cost, where a stored answer serves."""
        return 0.0 if self.lookup is None else self.lookup.usd_saved


@dataclass(frozen=True)
class Outcome:
    """What happened after a decision, in whole or in part; None is: not said (yet).

    `correct` is 0..1. `feedback` says whether a cached answer was right. `answer_sha256` is which answer came: the log
    keeps no texts. `status` tells a completed call from a failed one. `usd` is what was billed, where it is known;
    else it is priced from the tokens. `resolved` says whether the task that the call belongs to was solved by it.
    """

    decision_id: str
    tenant: str = "default"
    correct: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    reasoning_tokens: int | None = None
    usd: Decimal | None = None
    latency_s: float | None = None
    confidence: float | None = None
    agreement: float | None = None
    mean_logprob: float | None = None
    refused: bool | None = None
    schema_valid: bool | None = None
    status: Literal["ok", "error"] | None = None
    error: str | None = None
    model: str | None = None
    feedback: Literal["right", "wrong"] | None = None
    answer_sha256: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    # what the ledger settles by; see router.meters, and router.spend.caused_calls for `calls`
    resolved: bool | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    audio_input_tokens: int | None = None
    audio_output_tokens: int | None = None
    image_input_tokens: int | None = None
    web_searches: int | None = None
    storage_token_hours: float | None = None
    service_tier: str | None = None
    calls: tuple[Mapping[str, Any], ...] | None = None
    shadow: Mapping[str, Any] | None = None  # what came of the alternative, see router.shadow.reports

    def said(self) -> dict[str, Any]:
        """The fields that this report states."""
        return {name: value for name, value in asdict(self).items() if value is not None and value != {}}


def new_decision_id() -> str:
    """A UUID of version 7 (RFC 9562) as 32 hexadecimal digits: milliseconds since 1970, then 74 random bits. Unique
    across processes and machines, not to be guessed, and rising, so that the log's indexes grow at one end: of ids in
    no order each would have its own page to read, change and write."""
    while True:
        try:
            return f"{time.time_ns() // 1_000_000:012x}{_TAILS.pop()}"
        except IndexError:  # one call of the system for many
            digits = os.urandom(10 * _AHEAD).hex()
            _TAILS.extend(_tail(digits[at : at + 20]) for at in range(0, len(digits), 20))


def _tail(digits: str) -> str:
    return f"7{digits[:3]}{'89ab'[int(digits[3], 16) % 4]}{digits[4:19]}"


_AHEAD = 64
_TAILS: list[str] = []
os.register_at_fork(after_in_child=_TAILS.clear)
