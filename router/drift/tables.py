"""The table in which processes leave the numbers of requests for the one that looks for drift.

A row is a tenant's requests of one process and minute: a few numbers for each of the latest, and no text, user or id.
"""

from sqlalchemy import JSON, Column, Float, Index, Integer, String, Table

from router.log.tables import metadata

inputs = Table(
    "drift_inputs",
    metadata,
    Column("input_id", Integer, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("policy", String(64), nullable=False),
    Column("tenant", String(200), nullable=False),
    Column("numbers", JSON, nullable=False),
    Index("drift_inputs_by_time", "at"),
    sqlite_autoincrement=True,
)
