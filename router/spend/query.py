"""Sums over the ledger's calls: by any owner, route, period or tag. Reads only; knows nothing of how they are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, case, func, literal, select, text
from sqlalchemy.sql.elements import ColumnElement

from router.errors import InputError
from router.spend.ledger import milliseconds
from router.spend.ledger_days import DAY_MS
from router.spend.ledger_tables import CAUSED, DAY_DIMENSIONS, calls, days

PLAIN = (
    "tenant",
    "user",
    "feature",
    "environment",
    "cost_centre",
    "task_id",
    "session",
    "model",
    "effort",
    "tier",
    "provider",
    "kind",
    "state",
)
PERIODS = {"hour": 3_600_000, "day": 86_400_000, "month": 86_400_000}  # months are made of days
MOST_DIMENSIONS = 10
# SUM of 64-bit picodollars overflows at 9.2 million USD; its two halves overflow at a million times that.
_HALF = 1_000_000
_FILTERS = tuple(name for name in PLAIN if name not in ("provider", "state"))


@dataclass(frozen=True)
class SpendAsk:
    """A question to the ledger: calls decided from `since` until before `until`, grouped `by`, where columns equal."""

    since: datetime
    until: datetime
    by: tuple[str, ...] = ("tenant",)
    where: Mapping[str, str] = field(default_factory=dict)
    units: bool = False

    def __post_init__(self) -> None:
        if not self.since < self.until:
            raise InputError("until", self.until.isoformat(), "not after since", "Ask for a period with a length.")
        if not 0 <= len(self.by) <= MOST_DIMENSIONS:
            raise InputError("by", ",".join(self.by), "too many dimensions", f"Use at most {MOST_DIMENSIONS}.")
        for name in self.by:
            check_dimension("by", name)
        if len(set(self.by)) < len(self.by):
            raise InputError("by", ",".join(self.by), "a dimension is named twice", "Name each once.")
        for name in self.where:
            if name not in _FILTERS and not name.startswith("tags."):
                known = f"{', '.join(_FILTERS)}, tags.NAME"
                raise InputError("where", name, "not a dimension to filter by", f"Use any of {known}.")


@dataclass(frozen=True)
class SpendRow:
    """One group. Amounts in picodollars; `names` are the values of the asked dimensions, None where a call had none.

    `spent` includes everything that was caused (retries, judges, …), which `caused` shows apart. `counterfactual` is
    what the strongest route was expected to cost for the decided calls. Units (tasks, users) only where asked for.
    """

    names: tuple[str | None, ...]
    calls: int = 0
    spent: int = 0
    held: int = 0
    estimated: int = 0
    caused: int = 0
    caused_calls: int = 0
    failed: int = 0
    cache_hits: int = 0
    unreported: int = 0
    counterfactual: int = 0
    same_model: int = 0
    expected: int = 0
    decided_spent: int = 0
    saved_cache: int = 0
    saved_prefix: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    correct: float = 0.0
    judged: int = 0
    tasks: int = 0
    tasks_judged: int = 0
    tasks_resolved: int = 0
    users: int = 0


_CAUSED = calls.c.kind.in_(CAUSED)
_DECIDED = (calls.c.kind == "call") & (calls.c.state == "settled") & calls.c.strongest.is_not(None)


def _if(condition: Any, amount: Any) -> Any:
    return case((condition, amount), else_=0)


# What a call contributes to each sum: the SQL of router.spend.ledger_days.contribution, for what has no sums by day.
_MEASURES: Mapping[str, Any] = {
    "calls": literal(1),
    "spent": calls.c.spent,
    "held": _if(calls.c.state == "reserved", calls.c.held),
    "estimated": _if(calls.c.estimated == 1, calls.c.spent),
    "caused": _if(_CAUSED, calls.c.spent),
    "caused_calls": _if(_CAUSED, 1),
    "failed": calls.c.failed,
    "cache_hits": _if(calls.c.kind == "cache", 1),
    "unreported": _if(calls.c.state == "expired", 1),
    "counterfactual": _if(_DECIDED, calls.c.strongest),
    "same_model": _if(_DECIDED, func.coalesce(calls.c.same_model, calls.c.expected)),
    "expected": _if(_DECIDED, calls.c.expected),
    "decided_spent": _if(_DECIDED, calls.c.spent),
    "saved_cache": calls.c.saved_cache,
    "saved_prefix": calls.c.saved_prefix,
    "input_tokens": func.coalesce(calls.c.input_tokens, 0),
    "cached_input_tokens": func.coalesce(calls.c.cached_input_tokens, 0),
    "output_tokens": func.coalesce(calls.c.output_tokens, 0),
    "reasoning_tokens": func.coalesce(calls.c.reasoning_tokens, 0),
    "correct": func.coalesce(calls.c.correct, 0.0),
    "judged": _if(calls.c.correct.is_not(None), 1),
}
_COMPARED = ("counterfactual", "same_model", "expected", "decided_spent")
MONEY = frozenset({"spent", "held", "estimated", "caused", "saved_cache", "saved_prefix", *_COMPARED})
_UNITS = ("tasks", "tasks_judged", "tasks_resolved", "users")


def spend(connection: Connection, ask: SpendAsk) -> list[SpendRow]:
    """The groups, the dearest first. Exact: sums are of whole picodollars."""
    units = {}
    if ask.units:
        units = {_names(ask, one): one for one in connection.execute(_units_statement(ask)).mappings()}
    found = (_row(ask, one, units) for one in connection.execute(_statement(ask)).mappings())
    rows = [row for row in found if row.calls]
    if "month" in ask.by:
        rows = _by_month(rows)
    return sorted(rows, key=lambda row: (-row.spent, tuple(str(name) for name in row.names)))


def totals(rows: Sequence[SpendRow]) -> SpendRow:
    """All groups together. Users and tasks of several groups count in each: ask without `by` for their number."""
    return _added((), rows)


def check_dimension(where: str, name: str) -> None:
    if name not in PLAIN and name not in PERIODS and not (name.startswith("tags.") and name != "tags."):
        known = ", ".join([*PLAIN, *PERIODS, "tags.NAME"])
        raise InputError(where, name, "not a dimension", f"Use any of {known}.")


def month_of(moment: datetime) -> tuple[datetime, datetime]:
    """The calendar month (UTC) that a moment is in."""
    start = moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return start, (start + timedelta(days=32)).replace(day=1)


def dimension(name: str) -> ColumnElement[Any]:
    """The SQL of a dimension; periods are whole numbers since 1970."""
    if name in PERIODS:
        return calls.c.at_ms // PERIODS[name]
    if name.startswith("tags."):
        return calls.c.tags[name.removeprefix("tags.")].as_string()
    return calls.c[name]


def within(ask: SpendAsk) -> list[ColumnElement[bool]]:
    """The conditions of a question."""
    since, until = milliseconds(ask.since), milliseconds(ask.until)
    return [calls.c.at_ms >= since, calls.c.at_ms < until, *(dimension(name) == one for name, one in ask.where.items())]


def _by_days(ask: SpendAsk) -> bool:
    """Whether the sums by day can answer: whole days, no users, tasks or tags."""
    whole = not any(milliseconds(moment) % DAY_MS for moment in (ask.since, ask.until))
    named = {*ask.by, *ask.where}
    return whole and named <= {"day", "month", *DAY_DIMENSIONS}


def _statement(ask: SpendAsk) -> Any:
    if _by_days(ask):
        parts: dict[str, Any] = {name: days.c.day if name in PERIODS else days.c[name] for name in ask.by}
        measures: Mapping[str, Any] = {name: days.c[name] for name in _MEASURES}
        first, last = (milliseconds(moment) // DAY_MS for moment in (ask.since, ask.until))
        asked = [days.c.day >= first, days.c.day < last, *(days.c[name] == one for name, one in ask.where.items())]
    else:
        parts, measures, asked = {name: dimension(name) for name in ask.by}, _MEASURES, within(ask)
    columns: list[Any] = [part.label(f"by{i}") for i, part in enumerate(parts.values())]
    for name, amount in measures.items():
        if name in MONEY:
            columns += [func.sum(amount // _HALF).label(f"{name}_high"), func.sum(amount % _HALF).label(f"{name}_low")]
        else:
            columns.append(func.sum(amount).label(name))
    return select(*columns).where(*asked).group_by(*_labels(ask))


def _units_statement(ask: SpendAsk) -> Any:
    """Distinct tasks and users have no sums: the calls themselves are read."""
    task, resolved = calls.c.task_id, calls.c.resolved
    counted = (task, case((resolved.is_not(None), task)), case((resolved == 1, task)), calls.c.user)
    columns = [func.count(one.distinct()).label(name) for name, one in zip(_UNITS, counted)]
    parts = [dimension(name).label(f"by{i}") for i, name in enumerate(ask.by)]
    return select(*parts, *columns).where(*within(ask)).group_by(*_labels(ask))


def _labels(ask: SpendAsk) -> list[Any]:
    """The groups by the names of their columns: to PostgreSQL, an expression with a parameter equals no other."""
    return [text(f"by{i}") for i in range(len(ask.by))]


def _names(ask: SpendAsk, row: Mapping[Any, Any]) -> tuple[str | None, ...]:
    return tuple(_name(name, row[f"by{i}"]) for i, name in enumerate(ask.by))


def _row(ask: SpendAsk, row: Mapping[Any, Any], units: Mapping[Any, Mapping[Any, Any]]) -> SpendRow:
    names = _names(ask, row)
    found: dict[str, Any] = {"correct": float(row["correct"] or 0.0)}
    found |= {name: int(units[names][name]) for name in _UNITS if names in units}
    for name in _MEASURES:
        if name in MONEY:
            found[name] = int(row[f"{name}_high"] or 0) * _HALF + int(row[f"{name}_low"] or 0)
        elif name != "correct":
            found[name] = int(row[name] or 0)
    return SpendRow(names, **found)


def _name(dimension_name: str, value: Any) -> str | None:
    if value in (None, "") or dimension_name not in PERIODS:
        return value or None
    moment = datetime.fromtimestamp(value * PERIODS[dimension_name] / 1000, UTC)
    return moment.strftime({"hour": "%Y-%m-%dT%H:00Z", "day": "%Y-%m-%d", "month": "%Y-%m"}[dimension_name])


def _by_month(rows: Sequence[SpendRow]) -> list[SpendRow]:
    """Days of one month are one group: their names are equal by now. Tasks and users that span days count on each."""
    groups: dict[tuple[str | None, ...], list[SpendRow]] = {}
    for row in rows:
        groups.setdefault(row.names, []).append(row)
    return [_added(names, found) for names, found in groups.items()]


def _added(names: tuple[str | None, ...], rows: Sequence[SpendRow]) -> SpendRow:
    fields = [name for name in SpendRow.__dataclass_fields__ if name != "names"]
    return SpendRow(names, **{name: sum(getattr(row, name) for row in rows) for name in fields})
