"""Budgets: whom one binds, for how long, and whether one more call fits. Pure arithmetic; knows no store.

A budget's scope names owners or routes; `*` in a scope means: each of them has a counter of its own. What counts
against the limit is the money spent and the money held for calls that are still out. Costs of calls that are out
together are held together: expected costs add up, their spreads (high quantile less expectation) as independent errors
do, by squares; never more than the sum of their quantiles. So many small calls do not each hold their worst case. A
strict budget holds each call's cap instead.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

from router.money import to_pico
from router.routes import Route
from router.spend.ownership import Owner

Mode = Literal["soft", "throttle", "hard"]
Period = Literal["hour", "day", "week", "month", "task", "total"]
MODES, PERIODS = ("soft", "throttle", "hard"), ("hour", "day", "week", "month", "task", "total")
SCOPES = ("tenant", "user", "feature", "environment", "cost_centre", "task_id", "model", "tier")
ROUTE_SCOPES = frozenset({"model", "tier"})
EACH = "*"
# A throttled budget whose period has no end gives one call at most this share of what is left.
ENDLESS_SHARE = 0.1
KEY_CHARS = 600
# A budget is tried by every call near its end, not once, so one spread would be too little: twice the spread of what is
# out, and twice that of the call that asks. Chosen on halves of a training set: 2 to 4 % of simulated races overspent,
# with 100 and with 10 callers; with one spread and no margin, 25 %.
LOOKS, MARGIN = 2.0, 2.0


@dataclass(frozen=True)
class Estimate:
    """What a call may cost, in picodollars: expectation, high quantile, and the most that its token caps allow."""

    expected: int
    upper: int
    cap: int

    @property
    def spread2(self) -> float:
        """The squared spread in USD²."""
        return float(max(self.upper - self.expected, 0) / 1e12) ** 2


@dataclass(frozen=True)
class Balance:
    """One counter in picodollars: spent; held, expected and spread (USD²) of the calls that are out; calls granted."""

    spent: int = 0
    held: int = 0
    expected: int = 0
    spread2: float = 0.0
    open: int = 0
    calls: int = 0
    alerted: float = 0.0


@dataclass(frozen=True)
class Budget:
    """A limit in USD, or in calls, over a period. `scope` maps dimensions to a name or `*`; `tags.x` names a free tag.

    `alert_at` are the shares at which a crossing is announced; beyond `throttle_at` a throttling budget allows cheaper
    routes only.
    """

    name: str
    scope: Mapping[str, str]
    period: Period
    limit_usd: Decimal | None = None
    mode: Mode = "soft"
    strict: bool = False
    max_calls: int | None = None
    throttle_at: float = 0.8
    alert_at: tuple[float, ...] = (0.8, 1.0)
    limit: int | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "limit", None if self.limit_usd is None else to_pico(self.limit_usd))

    def committed(self, balance: Balance) -> int:
        """Picodollars that count against the limit."""
        if self.strict:
            return balance.spent + balance.held
        together = balance.expected + round(LOOKS * math.sqrt(max(balance.spread2, 0.0)) * 1e12)
        return balance.spent + min(together, balance.held)

    def with_call(self, balance: Balance, call: Estimate) -> Balance:
        """The balance after one more reservation."""
        return Balance(
            balance.spent,
            balance.held + self.held_for(call),
            balance.expected + call.expected,
            balance.spread2 + call.spread2,
            balance.open + 1,
            balance.calls + 1,
            balance.alerted,
        )

    def held_for(self, call: Estimate) -> int:
        """What the books hold for one call of this budget."""
        return call.cap if self.strict else call.upper

    def share(self, balance: Balance) -> float:
        """How much of the limit is committed; the larger share where money and calls are both limited."""
        money = self.committed(balance) / self.limit if self.limit else 0.0 if self.limit is None else math.inf
        return max(money, balance.calls / self.max_calls if self.max_calls else 0.0)

    def fits(self, after: Balance, call: Estimate) -> bool:
        """Whether the balance after a call is within the limits, the call's own spread allowed for."""
        if self.max_calls is not None and after.calls > self.max_calls:
            return False
        margin = 0 if self.strict else round(MARGIN * max(call.upper - call.expected, 0))
        return self.limit is None or self.committed(after) + margin <= self.limit


@dataclass(frozen=True)
class Applied:
    """A budget as it binds one call: its counter's key, and when the period began and ends (None: never)."""

    budget: Budget
    key: str
    since: datetime | None
    resets_at: datetime | None

    def ceiling(self, balance: Balance, at: datetime) -> int:
        """The expected cost, in picodollars, at which the rest lasts until the reset at the period's pace of calls."""
        left = max((self.budget.limit or 0) - self.budget.committed(balance), 0)
        if self.since is None or self.resets_at is None:
            return int(left * ENDLESS_SHARE)
        elapsed = min(max((at - self.since) / (self.resets_at - self.since), 0.01), 1.0)
        return int(left / max(balance.calls * (1 - elapsed) / elapsed, 1.0))


def applying(
    budgets: Sequence[Budget], owner: Owner, task_id: str, at: datetime, route: Route | None = None, tier: str = ""
) -> tuple[Applied, ...]:
    """The budgets that bind a call; without a route, those that do not depend on it."""
    found = []
    for budget in budgets:
        if route is None and ROUTE_SCOPES & budget.scope.keys():
            continue
        if budget.limit is None and owner.task_id is None and (budget.period == "task" or "task_id" in budget.scope):
            continue  # a step cap counts the calls of a task; a call that names none has no others
        names = list(_scope_values(budget, owner, task_id, route, tier))
        if None not in names:
            since, until, label = span(budget.period, at)
            if budget.period == "task":
                label = task_id
            found.append(Applied(budget, _key([budget.name, *map(str, names), label]), since, until))
    return tuple(found)


def _key(parts: Sequence[str]) -> str:
    """A counter's key: readable, and never longer than a database's index takes."""
    key = "|".join(parts)
    return key if len(key) <= KEY_CHARS else f"{key[: KEY_CHARS - 65]}#{hashlib.sha256(key.encode()).hexdigest()}"


def _scope_values(budget: Budget, owner: Owner, task_id: str, route: Route | None, tier: str) -> Iterator[str | None]:
    """The counter's name in each dimension, None where the budget does not bind this owner."""
    for dimension, wanted in budget.scope.items():
        if dimension == "model":
            has: str | None = route.model if route else None
        elif dimension == "tier":
            has = tier
        elif dimension == "task_id":
            has = task_id
        elif dimension.startswith("tags."):
            has = owner.tags.get(dimension.removeprefix("tags."))
        else:
            has = getattr(owner, dimension)
        yield f"{dimension}={has}" if has is not None and wanted in (EACH, has) else None


def span(period: Period, at: datetime) -> tuple[datetime | None, datetime | None, str]:
    """Start, end and name of the period that a moment is in, in UTC. A week begins on Monday."""
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "hour":
        start = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return start, start + timedelta(hours=1), start.strftime("%Y-%m-%dT%H")
    if period == "day":
        return day, day + timedelta(days=1), day.strftime("%Y-%m-%d")
    if period == "week":
        start = day - timedelta(days=day.weekday())
        return start, start + timedelta(days=7), start.strftime("%G-W%V")
    if period == "month":
        start = day.replace(day=1)
        return start, (start + timedelta(days=32)).replace(day=1), start.strftime("%Y-%m")
    return None, None, ""
