"""What the ledger knows that single outcomes do not: money by day, and how much of it retries and escalations took.

Rates hold for the period that was asked for, else for the time from its first decision to its last. Sums of a ledger
are complete, not samples, so they carry no interval.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import inspect

from router.economics.inputs import DAYS_PER_YEAR
from router.log.store import LogStore
from router.money import to_usd
from router.spend.ledger_tables import calls
from router.spend.query import SpendAsk, SpendRow, spend

_MONTHS_PER_YEAR = 12
_SECONDS_PER_DAY = 86_400
_JUST_AFTER = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Spent:
    """A number of the ledger and the calls that it is from."""

    value: Decimal
    calls: int


def ledger_numbers(
    store: LogStore, tenant: str, since: datetime, until: datetime, model: str | None = None
) -> Mapping[str, Spent]:
    """Spend by day, month and year, and the shares of caused calls. Empty where the ledger has no calls."""
    where = {"tenant": tenant, **({"model": model} if model else {})}
    ask = SpendAsk(since, until + _JUST_AFTER, ("kind",), where)
    with store.reading() as connection:
        if not inspect(connection).has_table(calls.name):
            return {}
        by_kind = {str(row.names[0]): row for row in spend(connection, ask)}
    asked = by_kind.get("call", SpendRow(("call",)))
    if not asked.calls:
        return {}
    return {**_rates(by_kind, since, until), **_shares(by_kind, asked)}


def _rates(by_kind: Mapping[str, SpendRow], since: datetime, until: datetime) -> dict[str, Spent]:
    seconds = (until - since).total_seconds()
    if seconds <= 0:
        return {}
    count = sum(row.calls for row in by_kind.values())
    day = _usd(by_kind) * _SECONDS_PER_DAY / Decimal(seconds)
    return {
        "usd_per_day": Spent(day, count),
        "usd_per_month": Spent(day * DAYS_PER_YEAR / _MONTHS_PER_YEAR, count),
        "usd_per_year": Spent(day * DAYS_PER_YEAR, count),
    }


def _shares(by_kind: Mapping[str, SpendRow], asked: SpendRow) -> dict[str, Spent]:
    """Of the calls that were asked for: how many caused another, how many a stored answer saved, and the money."""
    none = SpendRow(("",))
    caused = {kind: by_kind.get(kind, none) for kind in ("retry", "fallback", "escalation")}
    served = by_kind.get("cache", none).calls
    found = {
        "retry_rate": Spent(Decimal(caused["retry"].calls) / asked.calls, asked.calls),
        "escalated_share": Spent(min(Decimal(1), Decimal(caused["escalation"].calls) / asked.calls), asked.calls),
        "answer_cache_hit_rate": Spent(Decimal(served) / (served + asked.calls), served + asked.calls),
    }
    plain = _usd({"call": asked})
    if plain:
        again = _usd({kind: caused[kind] for kind in ("retry", "fallback")})
        found["retry_overhead"] = Spent(again / plain, asked.calls)
    return found


def _usd(by_kind: Mapping[str, SpendRow]) -> Decimal:
    return to_usd(sum(row.spent for row in by_kind.values()))
