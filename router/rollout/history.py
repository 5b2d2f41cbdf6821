"""What was done about which policy serves: every stage, promotion and rollback, with who and why. Kept in the log's
database; knows records, not policies."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import JSON, Column, Connection, Float, Index, Integer, String, Table, Text, inspect, select

from router.log.tables import UtcTime, metadata

Action = Literal["watch", "stage", "promote", "rollback", "withdraw"]
_MOST = 100

changes = Table(
    "policy_changes",
    metadata,
    Column("change_id", Integer, primary_key=True, autoincrement=True),
    Column("at", UtcTime, nullable=False),
    Column("action", String(16), nullable=False),
    Column("policy", String(200), nullable=False),
    Column("version", String(64), nullable=False),
    Column("share", Float, nullable=False),
    Column("serving", String(64)),
    Column("by", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("evidence", JSON, nullable=False),
    Index("policy_changes_by_time", "at"),
)


@dataclass(frozen=True)
class Change:
    """`policy` (a name or folder) and `version` are what the change is about, `share` its traffic afterwards, `serving`
    the version of the incumbent afterwards."""

    action: Action
    policy: str
    version: str
    share: float
    serving: str | None
    at: datetime
    by: str = "operator"
    reason: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"at": self.at.isoformat(timespec="seconds"), "evidence": dict(self.evidence)}


def keep(connection: Connection, change: Change) -> None:
    connection.execute(changes.insert(), {**asdict(change), "evidence": dict(change.evidence)})


def recent(connection: Connection, most: int = _MOST) -> list[Change]:
    """The latest changes, newest first."""
    if not inspect(connection).has_table(changes.name):
        return []
    rows = connection.execute(select(changes).order_by(changes.c.change_id.desc()).limit(most)).mappings()
    return [Change(**{name: row[name] for name in Change.__dataclass_fields__}) for row in rows]
