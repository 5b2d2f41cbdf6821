"""Reports as they come in, each beside its decision: for whoever follows what came of decisions.

Remembers the latest decisions, so that a report in parts is seen as a whole and nothing of it is counted twice.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, inspect, select

from router.log.store import LogStore
from router.log.tables import decisions, outcomes
from router.privacy.leaver import Leaver

MOST_AT_ONCE, REMEMBERED, WARM_UP = 5_000, 20_000, 20_000
_FACTS = ("correct", "latency_s", "output_tokens", "input_tokens", "status", "feedback")


@dataclass(frozen=True)
class Known:
    """What is known of one decision by now. `fresh` names the facts that its latest report brought anew."""

    decision_id: str
    at: datetime
    tenant: str
    task: str | None
    policy: str
    action: str
    route: str
    option: Mapping[str, Any]
    facts: Mapping[str, Any]
    fresh: frozenset[str] = frozenset()

    def fact(self, name: str) -> float | None:
        """A number that is known, else None."""
        value = self.facts.get(name)
        return None if value is None else float(value)

    @property
    def correct(self) -> float | None:
        """0..1; a failed call answers nothing right."""
        said = self.fact("correct")
        return 0.0 if said is None and self.failed else said

    @property
    def failed(self) -> bool:
        return self.facts.get("status") == "error"


class ReportFeed:
    """Follows one log from its last `warm_up` reports on. Use it from one thread."""

    def __init__(self, store: LogStore, warm_up: int = WARM_UP) -> None:
        self._store, self._warm_up = store, warm_up
        self._after: int | None = None
        self._known: OrderedDict[str, Known] = OrderedDict()

    def read(self, most: int = MOST_AT_ONCE) -> list[Known]:
        """What came in since the last reading, oldest first, at most `most`. Raises StoreError."""
        with self._store.reading() as connection:
            if not inspect(connection).has_table(outcomes.name):
                return []
            if self._after is None:
                last = connection.execute(select(func.max(outcomes.c.report_id))).scalar_one_or_none() or 0
                self._after = max(last - self._warm_up, 0)
            rows = list(_rows(connection, self._after, most))
        for row in rows:
            self._after = row["report_id"]
        return [self._taken(row) for row in rows]

    def forget(self, leaver: Leaver) -> None:
        """What is remembered of a tenant's decisions; any thread may ask."""
        for decision_id in [one for one, known in list(self._known.items()) if leaver.named(known.tenant)]:
            self._known.pop(decision_id, None)

    def _taken(self, row: Mapping[str, Any]) -> Known:
        said = {name: row["said"][name] for name in _FACTS if name in row["said"]}
        if row["usd"] is not None:
            said["usd"] = float(row["usd"])
        before = self._known.pop(row["decision_id"], None)
        if before is None:
            names = ("decision_id", "at", "tenant", "task", "policy", "action", "route")
            known = Known(**{name: row[name] for name in names}, option=row["options"][0], facts=said)
            known = replace(known, fresh=frozenset(said))
        else:
            known = replace(before, facts={**before.facts, **said}, fresh=frozenset(said.keys() - before.facts.keys()))
        self._known[known.decision_id] = known
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return known


def _rows(connection: Connection, after: int, most: int) -> list[Mapping[str, Any]]:
    columns = [decisions.c[name] for name in ("at", "tenant", "task", "policy", "action", "route", "options")]
    asked = (
        select(outcomes.c.report_id, outcomes.c.decision_id, outcomes.c.said, outcomes.c.usd, *columns)
        .join(decisions)
        .where(outcomes.c.report_id > after)
        .order_by(outcomes.c.report_id)
        .limit(most)
    )
    return [dict(row) for row in connection.execute(asked).mappings()]
