"""What the process that looks for drift found, kept where every process can tell it. Knows records, not statistics."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Connection, Integer, Table, inspect, select

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
    if kept is None:
        connection.execute(standings.insert(), {"standing": _ROW, **row})
    else:
        connection.execute(standings.update().where(standings.c.standing == _ROW), row)


def read(connection: Connection) -> Mapping[str, Any] | None:
    """`streams` and `alarms` of the latest look; None before the first."""
    if not inspect(connection).has_table(standings.name):
        return None
    found = connection.execute(select(standings.c.streams, standings.c.alarms)).mappings().one_or_none()
    return None if found is None else {"streams": found["streams"], "alarms": found["alarms"]}
