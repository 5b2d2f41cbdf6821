"""Whether a call may be reserved: every budget that binds it, read, judged together, and what is announced.

Knows standings and estimates; books nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from router.errors import BudgetExceededError, PriceCeilingError
from router.money import to_usd
from router.spend.budgets import ROUTE_SCOPES, Applied, Balance, Estimate
from router.spend.ledger_book import Book

_AMOUNTS = tuple(Balance.__dataclass_fields__)


@dataclass(frozen=True)
class Standing:
    """A budget after a reservation."""

    applied: Applied
    balance: Balance

    @property
    def share(self) -> float:
        return self.applied.budget.share(self.balance)


@dataclass(frozen=True)
class Charged:
    """A reservation that was made: where every budget stands, and which alert shares it was the first to cross, and
    why the prompt's prefix can or cannot be reused."""

    standings: tuple[Standing, ...] = ()
    crossed: tuple[tuple[Standing, float], ...] = ()
    prefix: str | None = None


def read_standings(book: Book, applied: Sequence[Applied]) -> tuple[Standing, ...]:
    """Where these budgets stand, those without a call at zero."""
    known = book.standings([one.key for one in applied])
    return tuple(Standing(one, _balance(known.get(one.key))) for one in applied)


def _balance(row: Mapping[str, Any] | None) -> Balance:
    return Balance() if row is None else Balance(**{name: row[name] for name in _AMOUNTS})


def admit(before: Sequence[Standing], call: Estimate, at: datetime, throttled: bool) -> Charged:
    """Where budgets stand after one more call. Raises BudgetExceededError, or PriceCeilingError unless `throttled`."""
    after, crossed, ceiling = [], [], None
    for one in before:
        budget, balance = one.applied.budget, one.applied.budget.with_call(one.balance, call)
        if budget.mode == "hard" and not budget.fits(balance, call):
            raise _exceeded(one, call, at)
        share = budget.share(balance)
        if budget.mode == "throttle" and not throttled and share > budget.throttle_at:
            affordable = one.applied.ceiling(one.balance, at)
            if call.expected > affordable:
                ceiling = affordable if ceiling is None else min(ceiling, affordable)
        reached = [step for step in budget.alert_at if one.balance.alerted < step <= share]
        standing = Standing(one.applied, replace(balance, alerted=max([one.balance.alerted, *reached])))
        after.append(standing)
        crossed += [(standing, max(reached))] if reached else []
    if ceiling is not None:
        raise PriceCeilingError(to_usd(ceiling))
    return Charged(tuple(after), tuple(crossed))


def _exceeded(one: Standing, call: Estimate, at: datetime) -> BudgetExceededError:
    budget, balance = one.applied.budget, one.balance
    counted = budget.max_calls is not None and balance.calls >= budget.max_calls
    return BudgetExceededError(
        budget.name,
        limit=f"{budget.max_calls} calls" if counted else f"{budget.limit_usd} USD",
        committed=f"{balance.calls} calls" if counted else f"{to_usd(budget.committed(balance)):f} USD",
        needed="1 call" if counted else f"{to_usd(budget.held_for(call)):f} USD",
        resets_at=one.applied.resets_at,
        scope=dict(budget.scope),
        by_route=bool(ROUTE_SCOPES & budget.scope.keys()),
        at=at,
    )
