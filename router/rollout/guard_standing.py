"""Where the guardrails stand, kept where every process can tell it and the next one to watch goes on from it.

Knows records, not statistics.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Connection, Integer, Table, inspect, select

from router.log.database import put
from router.log.tables import UtcTime, metadata

_ROW = 1

# One row that each look writes over. `progress` is for whoever looks next, `readings` for people.
standings = Table(
    "guard_standings",
    metadata,
    Column("standing", Integer, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("progress", JSON, nullable=False),
    Column("readings", JSON, nullable=False),
)


def keep(connection: Connection, at: datetime, progress: Mapping[str, Any], readings: Mapping[str, Any]) -> None:
    """Replace what stood there. In a writing transaction."""
    row = {"at": at, "progress": dict(progress), "readings": dict(readings)}
    put(connection, standings, {"standing": _ROW}, row)


def read(connection: Connection) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """`progress` and `readings` of the latest look; both empty before the first."""
    if not inspect(connection).has_table(standings.name):
        return {}, {}
    found = connection.execute(select(standings.c.progress, standings.c.readings)).one_or_none()
    return ({}, {}) if found is None else (found.progress, found.readings)
