"""Sums of calls by day, owner and route, kept in step with every booking, so that a month's report reads no calls.

Users, tasks, sessions and tags have no sums: there are too many of them.
"""

from collections.abc import Mapping, Sequence
from operator import add, sub
from typing import Any

from router.log.driver_sql import Statements
from router.spend.ledger_tables import CAUSED, DAY_DIMENSIONS, DAY_SUMS

DAY_MS = 86_400_000
_COLUMNS = ("day", *DAY_DIMENSIONS, *DAY_SUMS)
_ADD = (
    f"INSERT INTO ledger_days ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
    f" ON CONFLICT (day, {', '.join(DAY_DIMENSIONS)}) DO UPDATE SET "
    + ", ".join(f"{name} = ledger_days.{name} + excluded.{name}" for name in DAY_SUMS)
)


def book_new(sql: Statements, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add what new calls contribute, in one row for all of the same day, owner and route."""
    sums: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        added, key = contribution(row).values(), _key(row)
        before = sums.get(key)
        sums[key] = list(added if before is None else map(add, before, added))
    sql.run_each(_ADD, [(*key, *added) for key, added in sums.items()])


def book(sql: Statements, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Add what a call's row contributes now beyond what it did before."""
    change = list(map(sub, contribution(after).values(), contribution(before).values()))
    if any(change):
        sql.run(_ADD, (*_key(after), *change))


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """A key cannot hold NULL: a call without a feature has the empty one, which no caller can send."""
    return (row["at_ms"] // DAY_MS, *[row.get(name) or "" for name in DAY_DIMENSIONS])


def contribution(row: Mapping[str, Any]) -> dict[str, Any]:
    """What one call adds to each sum of its day, in the order of DAY_SUMS."""
    caused = row["kind"] in CAUSED
    spent, strongest = row["spent"] or 0, row.get("strongest")
    decided = row["kind"] == "call" and row["state"] == "settled" and strongest is not None
    same = row.get("same_model")
    correct = row.get("correct")
    return {
        "calls": 1,
        "spent": spent,
        "held": row["held"] if row["state"] == "reserved" else 0,
        "estimated": spent if row.get("estimated") else 0,
        "caused": spent if caused else 0,
        "caused_calls": int(caused),
        "failed": int(bool(row.get("failed"))),
        "cache_hits": int(row["kind"] == "cache"),
        "unreported": int(row["state"] == "expired"),
        "counterfactual": (strongest or 0) if decided else 0,
        "same_model": (row["expected"] if same is None else same) if decided else 0,
        "expected": row["expected"] if decided else 0,
        "decided_spent": spent if decided else 0,
        "saved_cache": row.get("saved_cache") or 0,
        "saved_prefix": row.get("saved_prefix") or 0,
        "input_tokens": row.get("input_tokens") or 0,
        "cached_input_tokens": row.get("cached_input_tokens") or 0,
        "output_tokens": row.get("output_tokens") or 0,
        "reasoning_tokens": row.get("reasoning_tokens") or 0,
        "correct": 0.0 if correct is None else float(correct),
        "judged": int(correct is not None),
    }
