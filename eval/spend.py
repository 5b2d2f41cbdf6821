"""eval spend: what the ledger says of a period, for a person, as files, and as a page with plots."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from eval.spend_export import focus_ask, focus_table, plain_table
from eval.spend_page import write_page
from router.errors import InputError
from router.moments import parse_moment
from router.money import to_usd
from router.prices import now
from router.spend.query import SpendAsk, month_of, spend
from router.spend.report import SpendReport, build_report
from router.spend.savings import Savings, UnitCosts
from router.spend.spending_file import SpendingRules, read_spending_file
from router.spend.whole_log import whole_log
from router.tables import write_table

SHOWN = 15


@dataclass(frozen=True)
class SpendOptions:
    """What was asked on the command line."""

    store_url: str
    since: str | None = None
    until: str | None = None
    by: str = "tenant"
    where: tuple[str, ...] = ()
    spending: Path | None = None
    revenue_usd: Decimal | None = None
    format: str = "plain"
    out: Path | None = None


def report_spend(options: SpendOptions) -> SpendReport:
    """Print the report and write what was asked for. Raises InputError for what cannot be asked or written."""
    rules = read_spending_file(options.spending) if options.spending else SpendingRules()
    ask, moment = _ask(options), now()
    with whole_log(options.store_url, "store") as store, store.reading() as connection:
        report = build_report(connection, ask, moment, rules.chargeback)
        focus = spend(connection, focus_ask(ask.since, ask.until, dict(ask.where))) if options.format == "focus" else []
    print("\n".join(summary_lines(report, options.revenue_usd)))
    if options.out is not None:
        _write(options, report, focus_table(focus) if options.format == "focus" else None)
    return report


def summary_lines(report: SpendReport, revenue_usd: Decimal | None = None) -> list[str]:
    """The report for a terminal: what was spent, by whom, what was saved, what a task costs, what is to come."""
    ask, total, saved = report.ask, report.total, Savings.of(report.total)
    counted = (
        f"{total.calls:,} calls, of which {total.caused_calls:,} retries, judges and the like, {total.failed:,} failed"
    )
    lines = [f"{ask.since:%Y-%m-%d} to {ask.until:%Y-%m-%d} (UTC): {_dollars(total.spent)} spent on {counted}."]
    if total.held or total.unreported:
        lines.append(f"Not settled: {_dollars(total.held)} held; {total.unreported:,} calls never reported.")
    lines += ["", *_table(report), ""]
    if saved.counterfactual:
        lines.append(
            f"Against always taking the strongest route ({_dollars(saved.counterfactual)}, estimated): saved "
            f"{_dollars(saved.saved)}: routing {_dollars(saved.by_routing)}, effort {_dollars(saved.by_effort)}, cache "
            f"{_dollars(saved.by_cache)}, estimates wrong by {_dollars(saved.estimate_error)}, caused calls "
            f"{_dollars(-saved.caused)}. Prefix caching took another {_dollars(saved.by_prefix_cache)} off the bills."
        )
    lines += _units(report, revenue_usd)
    for name, found in (("month", report.month), ("year", report.year)):
        if found is not None:
            told = f"${found.expected:,.2f} [{found.low:,.2f}, {found.high:,.2f}]"
            lines.append(f"The {name} is forecast at {told}, ${found.spent:,.2f} of it spent; from {found.days} days.")
    if report.month is not None:
        lines += [f"  assumes {one}" for one in report.month.assumptions]
    return lines


def _units(report: SpendReport, revenue_usd: Decimal | None) -> list[str]:
    total, costs = report.total, UnitCosts.of(report.total, revenue_usd)
    told = [f"a call ${costs.per_call:.6f}"] if costs.per_call is not None else []
    for name, usd, count in (
        ("a task", costs.per_task, total.tasks),
        ("a resolved task", costs.per_resolved_task, total.tasks_resolved),
        ("an active user", costs.per_user, total.users),
    ):
        if usd is not None:
            told.append(f"{name} ${usd:.6f} (n = {count:,})")
    if costs.per_correct is not None:
        told.append(f"a correct answer ${costs.per_correct:.6f} (of {total.judged:,} judged)")
    if costs.per_revenue_dollar is not None:
        told.append(f"a revenue dollar ${costs.per_revenue_dollar:.4f}")
    return [f"Costs: {', '.join(told)}."] if told else []


def _table(report: SpendReport) -> list[str]:
    """The dearest groups, with shares, and what is charged where a mark-up or shared capacity makes it differ."""
    head = [*report.ask.by, "spent USD", "share", "calls", "saved USD"]
    rows = [
        [
            *(name or "(none)" for name in row.names),
            _usd(row.spent),
            f"{row.spent / report.total.spent:.1%}" if report.total.spent else "–",
            f"{row.calls:,}",
            _usd(Savings.of(row).saved),
        ]
        for row in report.rows[:SHOWN]
    ]
    lines = _aligned([head, *rows], len(report.ask.by))
    if len(report.rows) > SHOWN:
        lines.append(f"… and {len(report.rows) - SHOWN} more; --out FILE writes all")
    if any(one.chargeback != one.calls for one in report.shares):
        charged = [[one.name, _usd(one.showback), _usd(one.chargeback)] for one in report.shares[:SHOWN]]
        lines += ["", *_aligned([[report.ask.by[0], "showback USD", "chargeback USD"], *charged], 1)]
    return lines


def _aligned(rows: Sequence[Sequence[str]], left: int) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if i < left else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))
        )
        for row in rows
    ]


def _dollars(pico: int) -> str:
    return f"{'−' if pico < 0 else ''}${_usd(abs(pico))}"


def _usd(pico: int) -> str:
    amount = to_usd(pico)
    return f"{amount:,.2f}" if abs(amount) >= 1 or amount == 0 else f"{amount:.6f}"


def _ask(options: SpendOptions) -> SpendAsk:
    month = month_of(now())
    since = parse_moment(options.since, "since") if options.since else month[0]
    until = parse_moment(options.until, "until") if options.until else max(month[1], since + timedelta(days=1))
    where = {}
    for one in options.where:
        name, equals, value = one.partition("=")
        if not equals:
            raise InputError("where", one, "not a condition", "Write --where tenant=acme.")
        where[name] = value
    return SpendAsk(since, until, tuple(one for one in options.by.split(",") if one), where, units=True)


def _write(options: SpendOptions, report: SpendReport, focus: pd.DataFrame | None) -> None:
    assert options.out is not None
    command = "python -m eval " + " ".join(sys.argv[1:])
    if options.out.suffix == ".html":
        write_page(report, options.out, command, options.revenue_usd)
    else:
        table = plain_table(report, options.revenue_usd) if focus is None else _exact(focus)
        write_table(table, options.out)
    print(f"Written: {options.out}")


def _exact(table: pd.DataFrame) -> pd.DataFrame:
    """Decimals with twelve places, as text, the same in CSV, JSON lines and Parquet."""

    def text(value: Any) -> Any:
        return f"{value:.12f}" if isinstance(value, Decimal) else value

    return table.map(text)
