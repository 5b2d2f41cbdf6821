"""Comparisons with what came of both sides, read from the log as a table. Knows the log's tables, no statistics.

One row per comparison. `executed` rows are the fair sample: drawn before either decision was known, and known to have
been run on both sides. Where both chose the same route nothing had to run: the candidate's outcome is the incumbent's.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Select, inspect, select

from router.log.store import LogStore
from router.log.tables import outcomes
from router.outcomes import merge
from router.routes import Route
from router.shadow.booking import SHADOW_MARK
from router.shadow.tables import shadows
from router.spend.caused_calls import caused_id
from router.spend.ledger_tables import calls

COLUMNS = (
    *("decision_id", "at", "tenant", "task", "incumbent", "candidate"),
    *("incumbent_model", "incumbent_effort", "incumbent_p_correct", "incumbent_usd"),
    *("candidate_model", "candidate_effort", "candidate_p_correct", "candidate_usd"),
    *("executed", "incumbent_correct", "incumbent_billed_usd", "candidate_correct", "candidate_billed_usd"),
)
MOST_ROWS = 1_000_000
_BATCH = 500


def read_shadows(
    store: LogStore,
    candidate: str | None = None,
    incumbent: str | None = None,
    tenant: str | None = None,
    since: datetime | None = None,
    sampled_only: bool = False,
    most: int = MOST_ROWS,
) -> pd.DataFrame:
    """The latest comparisons, oldest first, with COLUMNS; NaN where nothing is known. Raises StoreError."""
    asked = _asked(candidate, incumbent, tenant, since, sampled_only).order_by(shadows.c.at.desc()).limit(most)
    with store.reading() as connection:
        if not inspect(connection).has_table(shadows.name):
            return pd.DataFrame(columns=list(COLUMNS))
        found = [dict(row) for row in connection.execute(asked).mappings()]
        found.reverse()
        known = _came_of(connection, found)
    rows = [_row(one, known.get(one["decision_id"], {})) for one in found]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _asked(
    candidate: str | None, incumbent: str | None, tenant: str | None, since: datetime | None, sampled_only: bool
) -> Select[Any]:
    asked = select(shadows)
    for column, wanted in (("candidate", candidate), ("incumbent", incumbent), ("tenant", tenant)):
        if wanted is not None:
            asked = asked.where(shadows.c[column] == wanted)
    if since is not None:
        asked = asked.where(shadows.c.at >= since)
    return asked.where(shadows.c.sampled) if sampled_only else asked


def _came_of(connection: Connection, found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What reports and the ledger know of sampled comparisons and their calls, by decision."""
    known: dict[str, dict[str, Any]] = {}
    for batch in _batches([row["decision_id"] for row in found if row["sampled"]]):
        reports: dict[str, list[Mapping[str, Any]]] = {}
        asked = select(outcomes.c.decision_id, outcomes.c.said, outcomes.c.usd).where(outcomes.c.decision_id.in_(batch))
        for row in connection.execute(asked.order_by(outcomes.c.report_id)).mappings():
            reports.setdefault(row["decision_id"], []).append(dict(row))
        marks = {caused_id(decision_id, SHADOW_MARK): decision_id for decision_id in batch}
        booked = select(calls.c.call_id, calls.c.spent).where(calls.c.call_id.in_(marks), calls.c.estimated == 0)
        billed = {marks[call_id]: spent / 1e12 for call_id, spent in connection.execute(booked)}
        for decision_id, said in reports.items():
            merged = merge(decision_id, "", [one["said"] for one in said])
            known[decision_id] = {
                "correct": 0.0 if merged.correct is None and merged.status == "error" else merged.correct,
                "usd": said[-1]["usd"],
                "shadow": merged.shadow or {},
                "shadow_usd": billed.get(decision_id),
            }
    return known


def _row(one: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    taken, instead = Route.parse(one["incumbent_route"]), Route.parse(one["candidate_route"])
    shadow = known.get("shadow", {})
    correct, usd = _number(shadow.get("incumbent_correct", known.get("correct"))), _number(known.get("usd"))
    if taken == instead:
        executed, instead_correct, instead_usd = bool(known), correct, usd
    else:
        failed = 0.0 if shadow.get("status") == "error" else None  # a call that fails answers nothing right
        executed, instead_usd = bool(shadow), _number(known.get("shadow_usd"))
        instead_correct = _number(shadow.get("correct", failed))
    return {
        **{name: one[name] for name in ("decision_id", "at", "tenant", "task", "incumbent", "candidate")},
        **{f"incumbent_{name}": one[f"incumbent_{name}"] for name in ("p_correct", "usd")},
        **{f"candidate_{name}": one[f"candidate_{name}"] for name in ("p_correct", "usd")},
        "incumbent_model": taken.model,
        "incumbent_effort": taken.effort,
        "candidate_model": instead.model,
        "candidate_effort": instead.effort,
        "executed": bool(one["sampled"]) and executed,
        "incumbent_correct": correct,
        "incumbent_billed_usd": usd,
        "candidate_correct": instead_correct,
        "candidate_billed_usd": instead_usd,
    }


def _batches(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), _BATCH):
        yield ids[start : start + _BATCH]


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
