"""Brings a database to the schema that this code needs, whichever version it has.

A new database is made from the tables as they are now. One that was made before there were versions is adopted: the
first migration adds what it lacks. Alembic is imported only where there is something to do.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, inspect, text

from router.log.tables import ExactUsd, UtcTime
from router.migrations.schema import SCHEMA
from router.migrations.vectors import add_vectors

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0010"
FOLDER = Path(__file__).parent
_VERSIONS = "alembic_version"
_LOCK = 7_413_651_931  # like the writer's, of its own: whoever comes second finds the work done


def prepare(connection: Connection) -> None:
    """Make or upgrade every table, in the caller's writing transaction. Two processes may start at once."""
    if current(connection) == HEAD:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    found = current(connection)
    if found is None and not _has_tables(connection):
        for metadata in SCHEMA:
            metadata.create_all(connection)
        add_vectors(connection)
        _stamp(connection)
    elif found is None or found < HEAD:  # a newer schema only has more than this code asks for
        upgrade(connection)


def current(connection: Connection) -> str | None:
    """The version of a database's schema; None before there were versions."""
    if not inspect(connection).has_table(_VERSIONS):
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {_VERSIONS}"))
    return found


def upgrade(connection: Connection, to: str = "head") -> None:
    """Run the migrations that a database lacks."""
    from alembic import command

    command.upgrade(alembic_config(connection), to)


def alembic_config(connection: Connection) -> "Config":
    """Alembic's configuration for a connection; there is no ini file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("file_template", "r%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    return config


def rendered(kind: str, item: Any, context: Any) -> str | Literal[False]:
    """How a new migration spells our column types: as what the database sees."""
    if kind == "type" and isinstance(item, UtcTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, ExactUsd):
        return "sa.String(64)"
    return False


def is_compared(item: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
    """Whether a table or column is compared: with pgvector, PostgreSQL has a column that no model has."""
    return not (reflected and other is None and kind in ("table", "column") and name in (_VERSIONS, "embedding"))


def _has_tables(connection: Connection) -> bool:
    there = set(inspect(connection).get_table_names())
    return any(table.name in there for metadata in SCHEMA for table in metadata.sorted_tables)


def _stamp(connection: Connection) -> None:
    connection.execute(text(f"CREATE TABLE {_VERSIONS} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(text(f"INSERT INTO {_VERSIONS} VALUES (:head)"), {"head": HEAD})
