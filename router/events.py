"""What the engine and the watcher did, as records for whoever counts or logs it. Knows nothing of metrics or logs.

No event carries prompt text: failures are told by the name of their exception, because a message may quote its input.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from router.cache.records import Result
from router.decisions import Decision, Outcome
from router.errors import SpendingError
from router.rollout.history import Change
from router.spend.admission import Charged
from router.spend.alert_rules import Alert


@dataclass(frozen=True)
class Decided:
    """A decision was answered. `failure` names the exception behind a fallback, `unlogged` why no record was kept.
    `vector` is the request's embedding, where one was made, and `shadow` what the caller is asked to run besides.

    `log_seconds` run from handing the record over to knowing that it is committed, `seconds` from the request to that.
    `charged` says where budgets stand.
    """

    decision: Decision
    encode_seconds: float = 0.0
    cache_seconds: float = 0.0
    decide_seconds: float = 0.0
    log_seconds: float = 0.0
    seconds: float = 0.0
    failure: str | None = None
    unlogged: str | None = None
    charged: Charged | None = None
    vector: np.ndarray | None = field(default=None, compare=False, repr=False)
    shadow: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class SpendingRefused:
    """A request was refused because of a budget, a missing grant, or a ledger that must answer and did not."""

    refusal: SpendingError
    tenant: str


@dataclass(frozen=True)
class SpendingFileRead:
    """The spending file changed: its rules were taken, or `problem` says why those before it still hold."""

    problem: str | None


@dataclass(frozen=True)
class ReservationsExpired:
    """Calls that never reported; what was held for them is released."""

    count: int


@dataclass(frozen=True)
class SpendAlert:
    """Something odd about spend was announced; `delivered` is false when the webhook did not take it."""

    alert: Alert
    delivered: bool


@dataclass(frozen=True)
class Reported:
    """An outcome was recorded. `usd` is what this report added to the bill of its decision, `outcome` what it said."""

    repeated: bool
    conflicting: bool
    usd: float
    outcome: Outcome | None = None


@dataclass(frozen=True)
class ReportFailed:
    """An outcome could not be recorded; its sender was told."""

    cause: str


@dataclass(frozen=True)
class PolicySwapped:
    """Another policy decides from now on."""

    version: str
    folder: Path | None


@dataclass(frozen=True)
class PolicyRefused:
    """A policy was not taken; the one before it, if any, still decides."""

    source: Path
    problem: str


@dataclass(frozen=True)
class CacheFailed:
    """The cache failed at a step; the request was answered as if there were none. `failure` names the exception.
    `skipped`: it was not even asked, because it failed several times in a row."""

    step: Literal["open", "lookup", "learn", "follow", "skipped"]
    failure: str


@dataclass(frozen=True)
class AnswerTaken:
    """A reported answer, or a verdict on one, reached the cache; what became of it."""

    result: Result


@dataclass(frozen=True)
class PolicyChanged:
    """Which policy serves, or is on trial, was changed: by an operator, by a guardrail, or because of drift."""

    change: Change


@dataclass(frozen=True)
class RegistryTold:
    """The registry of models was told what the pointers say; or `problem` says why it could not be."""

    problem: str | None


@dataclass(frozen=True)
class Undecided:
    """A policy could not decide a request that was its own; `instead` is who did. `late_after` says how many seconds it
    was waited for, where it was not in time."""

    version: str
    instead: Literal["incumbent", "safe-route"]
    late_after: float | None = None


@dataclass(frozen=True)
class Shadowed:
    """What became of requests that a candidate should have decided beside the incumbent: it agreed or differed; it
    failed; there was no room in its queue; or the comparison could not be written down."""

    result: Literal["agreed", "differed", "failed", "dropped", "unlogged"]
    count: int = 1


@dataclass(frozen=True)
class ShadowRun:
    """What became of an alternative that the service was to run itself."""

    result: Literal["done", "failed", "judged", "over-cap", "dropped", "unsuitable"]


@dataclass(frozen=True)
class EncoderFailed:
    """The encoder could not be loaded; decisions answer with the safe route."""

    problem: str


Event = (
    Decided
    | SpendingRefused
    | SpendingFileRead
    | ReservationsExpired
    | SpendAlert
    | Reported
    | ReportFailed
    | PolicySwapped
    | PolicyRefused
    | EncoderFailed
    | CacheFailed
    | AnswerTaken
    | Undecided
    | PolicyChanged
    | RegistryTold
    | Shadowed
    | ShadowRun
)
Hook = Callable[[Event], None]


def tell(hooks: Sequence[Hook], event: Event) -> None:
    """Call every hook. A hook that fails is logged: counting must never cost an answer."""
    for hook in hooks:
        try:
            hook(event)
        except Exception:
            logging.getLogger(__name__).exception("a hook failed on %s", type(event).__name__)
