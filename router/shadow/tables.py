"""The tables of shadow comparisons and of what their alternatives cost a day. They live in the log's metadata; know
columns, not what is done with them.

Comparisons are append-only. What came of the alternative stands with the reports on the decision, not here: a row needs
no change.
"""

from sqlalchemy import JSON, Boolean, Column, Float, Index, String, Table

from router.log.tables import UtcTime, metadata

# `sampled` rows are those whose alternative is run too; `alternative` is then what was asked for, with its parameters.
shadows = Table(
    "shadows",
    metadata,
    Column("decision_id", String(64), primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("tenant", String(200), nullable=False),
    Column("task", String(200)),
    Column("incumbent", String(64), nullable=False),
    Column("candidate", String(64), nullable=False),
    Column("incumbent_route", String(200), nullable=False),
    Column("incumbent_p_correct", Float, nullable=False),
    Column("incumbent_usd", Float, nullable=False),
    Column("candidate_route", String(200), nullable=False),
    Column("candidate_p_correct", Float, nullable=False),
    Column("candidate_usd", Float, nullable=False),
    Column("sampled", Boolean, nullable=False),
    Column("alternative", JSON),
    Index("shadows_by_candidate", "candidate", "at"),
)

# One row a UTC day: what all processes together spent on alternatives, or hold for them.
shadow_days = Table(
    "shadow_days",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("usd", Float, nullable=False),
)
