"""The nouns of the cache: what the operator sets, what a lookup says, what learning and invalidating did."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from router.cache.key import CacheKey, KeyRules
from router.cache.partition import Candidate
from router.cache.reuse import Reuse, ReuseDecision
from router.cache.risk_control import BudgetRules
from router.cache.stored import StoredAnswer
from router.requests import Request


@dataclass(frozen=True)
class CacheRules:
    """What the operator sets.

    `tenants` are budgets that differ from `budget`. `ttl_seconds`: no answer is served when older. `max_entries` is per
    tenant; the least valuable answers leave first, worth fading by half in `worth_half_life_seconds` without use.
    `sync_seconds`: how soon entries of other processes are seen. `max_pending`: lookups whose answer may still come.
    `max_partitions`: how many are held in memory.
    """

    key: KeyRules = field(default_factory=KeyRules)
    budget: BudgetRules = field(default_factory=BudgetRules)
    tenants: Mapping[str, BudgetRules] = field(default_factory=dict)
    ttl_seconds: float = 7 * 86_400.0
    max_entries: int = 100_000
    max_answer_bytes: int = 64_000
    worth_half_life_seconds: float = 2 * 86_400.0
    sync_seconds: float = 1.0
    max_pending: int = 4_096
    max_partitions: int = 10_000


@dataclass(frozen=True)
class CacheLookup:
    """What the cache says about one request, and why. `hit` carries the answer; after a `miss` or an `audit` the
    caller asks a model and tells `learn` what it said; `bypass` takes no part. `risk` is the estimated probability
    that the neighbour's answer is wrong; the byte-identical have none."""

    lookup_id: str
    tenant: str
    action: Literal["hit", "miss", "audit", "bypass"]
    reason: str
    tier: Literal["exact", "semantic"] | None = None
    answer: StoredAnswer | None = None
    age_seconds: float | None = None
    neighbour: str | None = None
    similarity: float | None = None
    risk: float | None = None
    threshold: float | None = None
    propensity: float = 1.0

    @property
    def usd_saved(self) -> float:
        return self.answer.usd if self.action == "hit" and self.answer is not None else 0.0


@dataclass(frozen=True)
class Begun:
    """A lookup that needs the request's vector to go on. `at_hand`: its partition was in memory; `seconds`: what it
    took so far."""

    lookup_id: str
    request: Request
    key: CacheKey
    reuse: Reuse
    at_hand: bool
    seconds: float


Result = Literal["stored", "refused", "removed", "confirmed", "failed"]


@dataclass(frozen=True)
class Learnt:
    """What became of a reported answer. `neighbour_valid`: whether the neighbour's answer would have served."""

    result: Result
    reason: str
    neighbour_valid: bool | None = None

    @property
    def stored(self) -> bool:
        return self.result == "stored"


@dataclass(frozen=True)
class Invalidation:
    """The answers that were, or in a dry run would be, removed; `sample` shows what they say."""

    answers: int
    dry_run: bool
    sample: tuple[str, ...]


@dataclass(frozen=True)
class Pending:
    """A lookup whose end is not known yet: what the answer, or a complaint, will be held against."""

    key: CacheKey
    text: str
    vector: np.ndarray | None
    candidate: Candidate | None
    decision: ReuseDecision | None
    may_store: bool
    tags: Mapping[str, str] = field(default_factory=dict)


def told(
    pending: Pending,
    lookup_id: str,
    action: Literal["hit", "miss", "audit"],
    reason: str,
    tier: Literal["exact", "semantic"] | None,
    answer: StoredAnswer | None,
    now: float,
) -> CacheLookup:
    """A lookup in the words of its caller."""
    candidate, decision = pending.candidate, pending.decision
    return CacheLookup(
        lookup_id,
        pending.key.tenant,
        action,
        reason,
        tier,
        answer,
        None if answer is None else max(0.0, now - answer.created),
        None if candidate is None else candidate.text,
        None if candidate is None else candidate.cosine,
        None if decision is None else decision.risk,
        None if decision is None else decision.threshold,
        1.0 if decision is None else decision.propensity,
    )
