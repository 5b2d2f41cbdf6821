"""Contracts: what a commitment saves, how far a rate limit reaches, what inference may cost of a contract, and how a
shared cluster is charged to its tenants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pydantic import Field

from router.economics.inputs import DAYS_PER_YEAR, Amount, Count, Inputs, Positive, Share, check_shares
from router.errors import InputError

# USD a month from which discounts of this size are customary: (spend, low, high), by the guide.
CUSTOMARY_DISCOUNTS = (
    (Decimal(50_000), Decimal("0.15"), Decimal("0.25")),
    (Decimal(250_000), Decimal("0.30"), Decimal("0.40")),
    (Decimal(1_000_000), Decimal("0.50"), Decimal("0.50")),
)


def customary_discount(usd_per_month: Decimal) -> tuple[Decimal, Decimal]:
    """(low, high) share off that is customary at this spend; zero below the first step."""
    found = [step for step in CUSTOMARY_DISCOUNTS if usd_per_month >= step[0]]
    return (found[-1][1], found[-1][2]) if found else (Decimal(0), Decimal(0))


class Commitment(Inputs):
    """A promise to spend or to hold capacity, against paying as one goes."""

    on_demand_usd_per_month: Amount
    discount: Share
    committed_share: Share = Decimal(1)

    def usd_per_month(self) -> Decimal:
        """The committed part is paid whether it is used or not."""
        committed = self.on_demand_usd_per_month * self.committed_share
        return committed * (1 - self.discount) + self.on_demand_usd_per_month - committed


def reserved_break_even(usd_per_month_reserved: Decimal, usd_per_month_on_demand_when_full: Decimal) -> Decimal:
    """The utilisation from which reserved capacity beats paying per token: the ratio of the two prices."""
    if not usd_per_month_on_demand_when_full:
        raise InputError("usd_per_month_on_demand_when_full", 0, "is nothing", "Give more than 0.")
    return usd_per_month_reserved / usd_per_month_on_demand_when_full


class RateLimit(Inputs):
    """A provider's caps per minute, and the traffic that they must carry. An unset cap does not bind."""

    requests_per_minute_cap: Count | None = None
    tokens_per_minute_cap: Count | None = None
    peak_requests_per_minute: Positive
    tokens_per_request: Positive


@dataclass(frozen=True)
class HeadRoom:
    """Requests per minute that the tightest cap allows; head-room below 1 is a shortage."""

    most_requests_per_minute: Decimal
    binding: str
    head_room: Decimal


def head_room(limit: RateLimit) -> HeadRoom:
    """How many times the peak fits under the caps. Raises InputError where no cap is given."""
    caps: dict[str, Decimal] = {}
    if limit.requests_per_minute_cap is not None:
        caps["requests per minute"] = Decimal(limit.requests_per_minute_cap)
    if limit.tokens_per_minute_cap is not None:
        caps["tokens per minute"] = limit.tokens_per_minute_cap / limit.tokens_per_request
    if not caps:
        raise InputError("requests_per_minute_cap", None, "no cap is given", "Give one of the caps.")
    binding = min(caps, key=lambda name: caps[name])
    return HeadRoom(caps[binding], binding, caps[binding] / limit.peak_requests_per_minute)


@dataclass(frozen=True)
class TaskBudget:
    """What inference may cost of a contract."""

    usd_per_year: Decimal
    usd_per_day: Decimal
    usd_per_call: Decimal


def task_budget(contract_usd_per_year: Decimal, share: Decimal, calls_per_day: Decimal) -> TaskBudget:
    """A share of the contract's yearly value, over a year of 365 days."""
    year = contract_usd_per_year * share
    return TaskBudget(year, year / DAYS_PER_YEAR, year / DAYS_PER_YEAR / calls_per_day)


class Tenant(Inputs):
    """A tenant of a shared cluster: what it uses, and what it demands at the cluster's peak."""

    name: str
    tokens: Amount
    peak_tokens_per_second: Amount


class Allocation(Inputs):
    """A cluster's bill and how it is split: by tokens, and by who forces the peak."""

    usd: Amount
    tenants: tuple[Tenant, ...] = Field(min_length=1)
    token_weight: Share = Decimal("0.7")
    peak_weight: Share = Decimal("0.3")

    def model_post_init(self, context: object) -> None:
        check_shares("token_weight", [self.token_weight, self.peak_weight])

    def usd_by_tenant(self) -> Mapping[str, Decimal]:
        by_tokens = _shares([one.tokens for one in self.tenants])
        by_peak = _shares([one.peak_tokens_per_second for one in self.tenants])
        return {
            one.name: self.usd * (self.token_weight * tokens + self.peak_weight * peak)
            for one, tokens, peak in zip(self.tenants, by_tokens, by_peak)
        }


def _shares(amounts: Sequence[Decimal]) -> list[Decimal]:
    total = sum(amounts, Decimal(0))
    return [one / total if total else Decimal(1) / len(amounts) for one in amounts]
