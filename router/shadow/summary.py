"""What shadow traffic shows so far: how often a candidate agrees, and what it would cost and get right, slice by slice.

All differences are candidate minus incumbent, paired per request. Predictions come from every comparison, added up in
SQL; what was measured comes from the executed sample.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, case, func, inspect, literal, select

from router.gate.difficulty import BANDS, band_of
from router.intervals import Interval, correctness_difference, mean, share
from router.log.store import LogStore
from router.shadow.frame import read_shadows
from router.shadow.tables import shadows

MOST_SLICES = 50
UNKNOWN_TASK = "(no task)"


@dataclass(frozen=True)
class Slice:
    """One slice: of which kind, its name, how many comparisons and executed ones, and the differences."""

    kind: str
    name: str
    n: int
    agreement: Interval
    predicted_usd: Interval
    predicted_correct: Interval
    executed: int
    correct: Interval
    billed_usd: Interval

    def as_dict(self) -> dict[str, Any]:
        plain = {name: value for name, value in vars(self).items() if not isinstance(value, Interval)}
        return plain | {name: value.as_dict() for name, value in vars(self).items() if isinstance(value, Interval)}


@dataclass(frozen=True)
class _Group:
    """The sums of one (tenant, task, band), in the order of `_SUMS`."""

    tenant: str
    task: str
    band: str
    sums: tuple[float, ...]


def summarise(
    store: LogStore,
    candidate: str,
    incumbent: str | None = None,
    tenant: str | None = None,
    since: datetime | None = None,
) -> list[Slice]:
    """All requests first, then by difficulty, task and tenant, the largest slices first. Raises StoreError."""
    with store.reading() as connection:
        if not inspect(connection).has_table(shadows.name):
            return []
        groups = list(_groups(connection, candidate, incumbent, tenant, since))
    table = read_shadows(store, candidate, incumbent, tenant, since, sampled_only=True)
    executed = table[table["executed"].astype(bool)].assign(  # an empty column has no type of its own
        task=table["task"].fillna(UNKNOWN_TASK), band=table["incumbent_p_correct"].map(band_of)
    )
    kinds: tuple[tuple[str, Callable[[_Group], str]], ...] = (
        ("all", lambda group: "all"),
        ("difficulty", lambda group: group.band),
        ("task", lambda group: group.task),
        ("tenant", lambda group: group.tenant),
    )
    return [one for kind, name in kinds for one in _slices(kind, name, groups, executed)]


def _slices(
    kind: str, name_of: Callable[[_Group], str], groups: Sequence[_Group], executed: pd.DataFrame
) -> Iterator[Slice]:
    sums: dict[str, list[float]] = {}
    for group in groups:
        known = sums.setdefault(name_of(group), [0.0] * len(group.sums))
        sums[name_of(group)] = [one + more for one, more in zip(known, group.sums)]
    largest = sorted(sums, key=lambda name: (-sums[name][0], name))[:MOST_SLICES]
    column = {"difficulty": "band"}.get(kind, kind)
    for name in largest:
        rows = executed if kind == "all" else executed[executed[column] == name]
        yield _slice(kind, name, sums[name], rows)


def _slice(kind: str, name: str, sums: Sequence[float], rows: pd.DataFrame) -> Slice:
    n, agreed, usd, usd2, p, p2 = sums
    correct = (rows["candidate_correct"] - rows["incumbent_correct"]).dropna()
    billed = (rows["candidate_billed_usd"] - rows["incumbent_billed_usd"]).dropna()
    return Slice(
        kind=kind,
        name=name,
        n=int(n),
        agreement=share(agreed, int(n)),
        predicted_usd=mean(usd, usd2, int(n)),
        predicted_correct=mean(p, p2, int(n)),
        executed=len(rows),
        correct=correctness_difference(float(correct.sum()), float((correct**2).sum()), len(correct)),
        billed_usd=mean(float(billed.sum()), float((billed**2).sum()), len(billed)),
    )


def _groups(
    connection: Connection, candidate: str, incumbent: str | None, tenant: str | None, since: datetime | None
) -> Iterator[_Group]:
    usd, p = (shadows.c[f"candidate_{name}"] - shadows.c[f"incumbent_{name}"] for name in ("usd", "p_correct"))
    agreed = case((shadows.c.candidate_route == shadows.c.incumbent_route, 1), else_=0)
    names = [(shadows.c.incumbent_p_correct < below, literal(name)) for name, below in BANDS]
    sums = (func.count(), func.sum(agreed), func.sum(usd), func.sum(usd * usd), func.sum(p), func.sum(p * p))
    by = (shadows.c.tenant, func.coalesce(shadows.c.task, UNKNOWN_TASK), case(*names))
    asked = select(*by, *sums).where(shadows.c.candidate == candidate).group_by(*by)
    filters: Mapping[str, str | None] = {"incumbent": incumbent, "tenant": tenant}
    for column, wanted in filters.items():
        asked = asked if wanted is None else asked.where(shadows.c[column] == wanted)
    if since is not None:
        asked = asked.where(shadows.c.at >= since)
    for name, task, band, *rest in connection.execute(asked):
        yield _Group(name, task, band, tuple(float(one) for one in rest))
