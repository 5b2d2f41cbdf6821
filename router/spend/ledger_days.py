"""Sums of calls by day, owner and route, kept in step with every booking, so that a month's report reads no calls.

Users, tasks, sessions and tags have no sums: there are too many of them.
"""

from collections.abc import Mapping
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


def book(sql: Statements, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> None:
    """Add what a call's row contributes now beyond what it did before."""
    new, old = contribution(after), contribution(before) if before else dict.fromkeys(DAY_SUMS, 0)
    change = {name: new[name] - old[name] for name in DAY_SUMS}
    if any(change.values()):
        # the key cannot hold NULL: a call without a feature has the empty one, which no caller can send
        names = [after.get(name) or "" for name in DAY_DIMENSIONS]
        sql.run(_ADD, [after["at_ms"] // DAY_MS, *names, *change.values()])


def contribution(row: Mapping[str, Any]) -> dict[str, Any]:
    """What one call adds to each sum of its day."""
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
