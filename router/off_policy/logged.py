"""Logged decisions as arrays: what was taken, how probably, what came of it. Reads the log; estimates nothing.

Only decisions of a policy between routes count: stored answers, the safe route, plans and what was decided again after
a refusal have no propensity that tells about another policy.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import inspect, select

from router.decisions import Outcome
from router.log.store import LogStore
from router.log.tables import decisions

Row = tuple[Mapping[str, Any], Outcome | None]
MOST_ROWS = 5_000_000


@dataclass(frozen=True)
class Logged:
    """n decisions over R routes, each by a `policy` (n,), named by its version. `taken`, `best` (n,) are columns: the
    route that was taken, and the one that the policy thought best. `probability` (n, R) is exact. `correct`, `usd` (n,)
    are NaN where nobody reported them. `p`, `expected_usd` (n, R) are what was estimated before the outcome, NaN where
    no estimate was logged.
    """

    routes: tuple[str, ...]
    taken: np.ndarray = field(repr=False)
    best: np.ndarray = field(repr=False)
    probability: np.ndarray = field(repr=False)
    correct: np.ndarray = field(repr=False)
    usd: np.ndarray = field(repr=False)
    p: np.ndarray = field(repr=False)
    expected_usd: np.ndarray = field(repr=False)
    task: np.ndarray = field(repr=False)
    tenant: np.ndarray = field(repr=False)
    decision_id: np.ndarray = field(repr=False)
    text_sha256: np.ndarray = field(repr=False)
    text: np.ndarray = field(repr=False)
    context_chars: np.ndarray = field(repr=False)
    at: np.ndarray = field(repr=False)
    policy: np.ndarray = field(repr=False)
    left_aside: Mapping[str, int] = field(default_factory=dict)

    @property
    def n(self) -> int:
        return len(self.taken)

    @property
    def rows(self) -> np.ndarray:
        return np.arange(self.n)

    @property
    def propensity(self) -> np.ndarray:
        """(n,): the probability of what was taken."""
        return np.asarray(self.probability[self.rows, self.taken])

    def subset(self, mask: np.ndarray) -> "Logged":
        cut = {one.name: getattr(self, one.name) for one in fields(self)}
        return Logged(**{key: value[mask] if isinstance(value, np.ndarray) else value for key, value in cut.items()})

    def filled(self, estimates: np.ndarray, outcome: np.ndarray) -> np.ndarray:
        """Estimates (n, R) without gaps: a route's mean estimate, else the mean outcome of all."""
        known = ~np.isnan(estimates)
        overall = np.nanmean(outcome) if np.isfinite(outcome).any() else 0.0
        sums, count = np.where(known, estimates, 0.0).sum(axis=0), known.sum(axis=0)
        mean = np.where(count > 0, sums / np.maximum(count, 1), overall)
        return np.where(known, estimates, mean)


def read_logged(
    store: LogStore, tenant: str | None = None, since: datetime | None = None, until: datetime | None = None
) -> Logged:
    """The log of one tenant, or of all. Raises StoreError where it cannot be read."""
    return logged_of(read_rows(store, tenant, since, until))


def read_rows(
    store: LogStore, tenant: str | None = None, since: datetime | None = None, until: datetime | None = None
) -> list[Row]:
    """The log's rows themselves, tenant by tenant, oldest first."""
    tenants = [tenant] if tenant is not None else _tenants(store)
    return [row for one in tenants for row in store.joined(one, since, until, MOST_ROWS)]


def logged_of(rows: Sequence[Row]) -> Logged:
    """The same from rows of the log, each with its merged outcome."""
    aside: dict[str, int] = {}
    kept = []
    for row, outcome in rows:
        why = tells_nothing(row)
        if why:
            aside[why] = aside.get(why, 0) + 1
        else:
            kept.append((row, outcome))
    names = sorted({one["route"] for row, _ in kept for one in row["options"]})
    column = {name: j for j, name in enumerate(names)}
    p, expected = np.full((len(kept), len(names)), np.nan), np.full((len(kept), len(names)), np.nan)
    probability = np.zeros((len(kept), len(names)))
    best = np.zeros(len(kept), dtype=np.int64)
    for i, (row, _) in enumerate(kept):
        for one in row["options"]:
            p[i, column[one["route"]]] = _number(one["p_correct"])
            expected[i, column[one["route"]]] = _number(one["expected_usd"])
        for name, chance in _chances(row).items():
            probability[i, column[name]] = chance
        best[i] = column[(row.get("exploration") or {}).get("best", row["route"])]
    return Logged(
        tuple(names),
        np.array([column[row["route"]] for row, _ in kept], dtype=np.int64),
        best,
        probability,
        np.array([_number(outcome and outcome.correct) for _, outcome in kept]),
        np.array([_number(outcome and outcome.usd) for _, outcome in kept]),
        p,
        expected,
        _column(kept, "task"),
        _column(kept, "tenant"),
        _column(kept, "decision_id"),
        _column(kept, "text_sha256"),
        _column(kept, "text"),
        np.array([row["context_chars"] for row, _ in kept], dtype=np.int64),
        _column(kept, "at"),
        _column(kept, "policy"),
        aside,
    )


def tells_nothing(row: Mapping[str, Any]) -> str | None:
    """Why a decision tells nothing about another policy."""
    if row["action"] != "route":
        return {"cached": "answered from the cache", "fallback": "answered by the safe route"}[row["action"]]
    if "plan" in row["options"][0]:
        return "plans of several calls"
    if (row.get("exploration") or {}).get("again"):
        return "decided again after a refusal"
    return None


def _chances(row: Mapping[str, Any]) -> Mapping[str, float]:
    record = row.get("exploration")
    return record["probabilities"] if record else {row["route"]: row["propensity"]}


def _tenants(store: LogStore) -> list[str]:
    with store.reading() as connection:
        if not inspect(connection).has_table(decisions.name):
            return []
        return list(connection.execute(select(decisions.c.tenant).distinct()).scalars())


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _column(rows: Sequence[Row], name: str) -> np.ndarray:
    values: Iterator[Any] = (row[name] for row, _ in rows)
    return np.array([value if value is not None else "" for value in values], dtype=object)
