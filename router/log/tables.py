"""The tables of decisions and outcomes, and how their values are kept. Knows columns, not what is done with them.

Plain types only, so that SQLite and PostgreSQL hold the same rows.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect


class UtcTime(TypeDecorator[datetime]):
    """A moment with its zone, on databases that keep zones and on those that do not."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class ExactUsd(TypeDecorator[Decimal]):
    """An amount as the decimal text it was written in: a binary float never touches money."""

    impl = String(64)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else format(value, "f")

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


metadata = MetaData()

# `options` holds the estimates of the chosen route and of its alternatives, the chosen one first.
decisions = Table(
    "decisions",
    metadata,
    Column("decision_id", String(64), primary_key=True),
    Column("tenant", String(200), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("policy", String(64), nullable=False),
    Column("action", String(16), nullable=False),
    Column("route", String(200), nullable=False),
    Column("propensity", Float, nullable=False),
    Column("value_usd", Float),
    Column("options", JSON, nullable=False),
    Column("reason", Text, nullable=False),
    Column("fallback", String(32)),
    Column("cache", JSON),
    Column("unlike", Float),
    Column("task", String(200)),
    Column("session", String(200)),
    Column("user", String(200)),
    Column("tags", JSON, nullable=False),
    Column("context_chars", Integer, nullable=False),
    Column("text_sha256", String(64), nullable=False),
    Column("text", Text),
    Column("exploration", JSON(none_as_null=True)),
    Index("decisions_by_time", "tenant", "at"),
)

# Append-only: a report is never changed, and what it says stays beside what later reports say.
outcomes = Table(
    "outcomes",
    metadata,
    Column("report_id", Integer, primary_key=True, autoincrement=True),
    Column("decision_id", String(64), ForeignKey("decisions.decision_id"), nullable=False),
    Column("report_key", String(80), nullable=False),
    Column("content_sha256", String(64), nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("said", JSON, nullable=False),
    Column("conflicts", JSON, nullable=False),
    Column("usd", ExactUsd),
    UniqueConstraint("decision_id", "report_key", name="outcomes_once"),
)

# One row that readiness writes over and over, to know that writing works.
probes = Table("probes", metadata, Column("probe", Integer, primary_key=True), Column("at", UtcTime, nullable=False))

# Who does, until when, what only one of several processes should.
leases = Table(
    "leases",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("holder", String(40), nullable=False),
    Column("until_ms", BigInteger, nullable=False),
)

# Which processes serve on this store, until when they are sure to be alive (seconds since 1970, the database's clock),
# and the last notice that each has heard.
processes = Table(
    "processes",
    metadata,
    Column("process", String(32), primary_key=True),
    Column("until", Float, nullable=False),
    Column("heard", Integer, nullable=False),
)

# What every process must hear: the digest of a tenant to be forgotten, not its name; `whole`: all of it, not a user.
notices = Table(
    "notices",
    metadata,
    Column("notice_id", Integer, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("forgotten", String(64), nullable=False),
    Column("whole", Boolean, nullable=False),
    sqlite_autoincrement=True,
)
