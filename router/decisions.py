"""What was decided and why, and what came of it: the records that are logged, joined by `decision_id`."""

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from router.routes import Route


@dataclass(frozen=True)
class Option:
    """A route as it was weighed for one request.

    `p_correct` with its 95 % interval [`p_low`, `p_high`]; `expected_usd` at the prices of the moment; tokens are the
    expected output; `max_output_tokens` is the cap to send.
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


@dataclass(frozen=True)
class Decision:
    """One decision. `propensity` is the probability with which the policy took this action.

    `action` is `route`, or `fallback` when something failed and the configured safe route answers; `reason` says why in
    a sentence, and `fallback` names the failure. `plan` is there where the answer should be looked at before it is
    used: in how many `calls`, for which `signals`; its outcome then tells whether to escalate.
    """

    decision_id: str
    action: Literal["route", "fallback"]
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
    plan: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Outcome:
    """What happened after a decision, in whole or in part; None is: not said (yet).

    `correct` is 0..1. `status` tells a completed call from a failed one. `usd` is what was billed, where it is known;
    else it is priced from the tokens.
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
    details: Mapping[str, Any] = field(default_factory=dict)

    def said(self) -> dict[str, Any]:
        """The fields that this report states."""
        return {name: value for name, value in asdict(self).items() if value is not None and value != {}}


def new_decision_id() -> str:
    """Unique across processes and machines."""
    return uuid.uuid4().hex
