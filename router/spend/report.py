"""One spend report as data: groups, totals, savings, units, forecast, shares. Knows no HTML and no HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, func, select, text

from router.money import to_usd, usd_text
from router.spend.allocation import Share, allocate
from router.spend.forecast import LOOK_BACK_DAYS, Forecast, forecast_month, forecast_year
from router.spend.ledger_tables import calls
from router.spend.query import SpendAsk, SpendRow, dimension, spend, totals, within
from router.spend.savings import DEFINITIONS, Savings, UnitCosts
from router.spend.spending_file import Chargeback


@dataclass(frozen=True)
class SpendReport:
    """What the ledger says of a period."""

    ask: SpendAsk
    rows: tuple[SpendRow, ...]
    total: SpendRow
    daily: Mapping[date, int] = field(default_factory=dict)
    month: Forecast | None = None
    year: Forecast | None = None
    shares: tuple[Share, ...] = ()

    def as_dict(self, revenue_usd: Decimal | None = None) -> dict[str, Any]:
        """JSON-able. USD is text, exact."""
        return {
            "since": self.ask.since.isoformat(),
            "until": self.ask.until.isoformat(),
            "by": list(self.ask.by),
            "where": dict(self.ask.where),
            "total": row_dict(self.ask, self.total, revenue_usd),
            "rows": [row_dict(self.ask, row) for row in self.rows],
            "forecast": {"month": _forecast(self.month), "year": _forecast(self.year)},
            "shares": [_share(one) for one in self.shares],
            "definitions": DEFINITIONS,
        }


def build_report(
    connection: Connection, ask: SpendAsk, now: datetime, chargeback: Chargeback | None = None
) -> SpendReport:
    """Ask the ledger. Shares are worked out where `chargeback` is given; they are by the first dimension asked for."""
    rows = spend(connection, ask)
    total = totals(rows)
    if ask.units and ask.by:
        [whole] = spend(connection, SpendAsk(ask.since, ask.until, (), ask.where, True)) or [total]
        total = whole
    daily = daily_spend(connection, ask.where, now)
    sums, today = {day: float(to_usd(pico)) for day, pico in daily.items()}, now.astimezone(UTC).date()
    spent_today = sums.pop(today, 0.0)
    return SpendReport(
        ask=ask,
        rows=tuple(rows),
        total=total,
        daily=daily,
        month=forecast_month(sums, today, spent_today),
        year=forecast_year(sums, today, spent_today),
        shares=() if chargeback is None else tuple(_allocated(connection, ask, rows, chargeback)),
    )


def daily_spend(connection: Connection, where: Mapping[str, str], now: datetime) -> dict[date, int]:
    """Picodollars by day (UTC): the year so far, and the days before it that a forecast looks back on."""
    start = min(now.replace(month=1, day=1), now - timedelta(days=LOOK_BACK_DAYS + 1)).astimezone(UTC)
    since = start.replace(hour=0, minute=0, second=0, microsecond=0)
    ask = SpendAsk(
        since,
        now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1),
        ("day",),
        where,
    )
    return {date.fromisoformat(row.names[0] or ""): row.spent for row in spend(connection, ask)}


def row_dict(ask: SpendAsk, row: SpendRow, revenue_usd: Decimal | None = None) -> dict[str, Any]:
    """One group as reports and exports name its columns."""
    named = dict(zip(ask.by, row.names))
    counts = ("calls", "caused_calls", "failed", "cache_hits", "unreported", "judged")
    tokens = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")
    saved = Savings.of(row)
    found: dict[str, Any] = {
        **named,
        **{f"{name}_usd": usd_text(getattr(row, name)) for name in ("spent", "held", "caused", "estimated")},
        **{name: getattr(row, name) for name in (*counts, *tokens)},
        "correct": row.correct,
        "counterfactual_usd": usd_text(saved.counterfactual),
        "saved_usd": usd_text(saved.saved),
    }
    parts = ("by_routing", "by_effort", "by_cache", "by_prefix_cache", "estimate_error")
    found |= {f"saved_{name}_usd": usd_text(getattr(saved, name)) for name in parts}
    if ask.units:
        found |= {name: getattr(row, name) for name in ("tasks", "tasks_judged", "tasks_resolved", "users")}
    costs = vars(UnitCosts.of(row, revenue_usd))
    return found | {f"usd_{name}": None if usd is None else f"{usd:.12f}" for name, usd in costs.items()}


def _forecast(found: Forecast | None) -> dict[str, Any] | None:
    return None if found is None else {**vars(found), "assumptions": list(found.assumptions)}


def _share(one: Share) -> dict[str, Any]:
    amounts = {"calls": one.calls, "capacity": one.capacity, "showback": one.showback, "chargeback": one.chargeback}
    shares = {"token_share": one.token_share, "peak_share": one.peak_share}
    return {"name": one.name, **{f"{name}_usd": usd_text(pico) for name, pico in amounts.items()}, **shares}


def _allocated(connection: Connection, ask: SpendAsk, rows: list[SpendRow], chargeback: Chargeback) -> list[Share]:
    by = ask.by[0] if ask.by else "tenant"
    spent: dict[str, int] = {}
    for row in rows:
        name = (row.names[0] if row.names else None) or "(none)"
        spent[name] = spent.get(name, 0) + row.spent
    hourly = _hourly_tokens(connection, ask, by) if chargeback.shared_usd else {}
    return allocate(spent, hourly, chargeback.shared_usd, chargeback.token_share, chargeback.markup)


def _hourly_tokens(connection: Connection, ask: SpendAsk, by: str) -> dict[str, dict[str, int]]:
    tokens = func.sum(func.coalesce(calls.c.input_tokens, 0) + func.coalesce(calls.c.output_tokens, 0))
    found: dict[str, dict[str, int]] = {}
    named = dimension(by).label("by0"), dimension("hour").label("by1")
    grouped = select(*named, tokens).where(*within(ask)).group_by(text("by0"), text("by1"))
    for name, hour, count in connection.execute(grouped):
        found.setdefault(name or "(none)", {})[str(hour)] = int(count or 0)
    return found
