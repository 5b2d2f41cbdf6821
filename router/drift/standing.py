"""What the process that looks for drift found, kept where every process can tell it. Knows records, not statistics."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Connection, Integer, Table, inspect, select

from router.log.database import put
from router.log.tables import UtcTime, metadata

MOST_TOLD = 100
_ROW = 1

# One row that each look writes over: a look without the alarms of earlier ones would forget them when a process ends.
standings = Table(
    "drift_standings",
    metadata,
    Column("standing", Integer, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("streams", JSON, nullable=False),
    Column("alarms", JSON, nullable=False),
)


def keep(
    connection: Connection, at: datetime, streams: Sequence[Mapping[str, Any]], alarms: Sequence[Mapping[str, Any]]
) -> None:
    """Replace the streams and add the alarms, of which the latest 100 are kept. In a writing transaction."""
    kept = connection.execute(select(standings.c.alarms).where(standings.c.standing == _ROW)).scalar_one_or_none()
    row = {"at": at, "streams": list(streams), "alarms": [*(kept or []), *alarms][-MOST_TOLD:]}
    put(connection, standings, {"standing": _ROW}, row)


def read(connection: Connection) -> Mapping[str, Any] | None:
    """`streams` and `alarms` of the latest look, and when that was; None before the first."""
    if not inspect(connection).has_table(standings.name):
        return None
    found = connection.execute(select(standings.c.at, standings.c.streams, standings.c.alarms)).one_or_none()
    if found is None:
        return None
    return {"at": found.at.isoformat(timespec="seconds"), "streams": found.streams, "alarms": found.alarms}
