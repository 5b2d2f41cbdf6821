"""Statements on the driver's own cursor, where the request path waits for them.

Ten small statements stand behind one call of the ledger, and one behind every cached answer. SQLAlchemy's expression
layer takes 50 to 300 microseconds for each, the statement itself five to ten: so these are written out, in the SQL that
SQLite and PostgreSQL share, with `?` for every value.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Connection, Dialect, Table


class Statements:
    """Runs statements in the transaction of a connection."""

    def __init__(self, connection: Connection) -> None:
        self._cursor = connection.connection.cursor()
        self._dialect = connection.dialect

    def run(self, sql: str, values: Sequence[Any]) -> None:
        self._cursor.execute(self._said(sql), values)

    def run_each(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self._cursor.executemany(self._said(sql), rows)

    def rows(self, sql: str, values: Sequence[Any], names: Sequence[str]) -> list[dict[str, Any]]:
        """The rows as dicts of these names, in the order of the statement's columns."""
        self._cursor.execute(self._said(sql), values)
        return [dict(zip(names, row)) for row in self._cursor.fetchall()]

    def insert_each(self, table: Table, rows: Sequence[Mapping[str, Any]], unless_known: bool = False) -> None:
        """Rows of the same columns."""
        if rows:
            names = tuple(rows[0])
            self.run_each(_insert(table.name, names, unless_known), [[row[name] for name in names] for row in rows])

    def known(self, table: Table, key: str, values: Sequence[str]) -> set[str]:
        """Those of these values of a column that are in the table."""
        if not values:
            return set()
        # as many as a power of two: a driver that keeps prepared statements then knows this one
        several = [*values, *[values[0]] * ((1 << (len(values) - 1).bit_length()) - len(values))]
        marks = ", ".join("?" * len(several))
        found = self.rows(f"SELECT {key} FROM {table.name} WHERE {key} IN ({marks})", several, [key])
        return {row[key] for row in found}

    def _said(self, sql: str) -> str:
        return in_style_of(self._dialect, sql)


def in_style_of(dialect: Dialect, sql: str) -> str:
    """A statement with `?` for its values, as the driver wants it."""
    return sql if dialect.paramstyle == "qmark" else _in_format_style(sql)


def columns_of(table: Table) -> tuple[str, ...]:
    return tuple(table.columns.keys())


def quoted(names: Iterable[str]) -> str:
    """Column names for a statement: `user` is a word of PostgreSQL's own."""
    return ", ".join(f'"{name}"' for name in names)


def to_json(value: Any) -> str:
    return orjson.dumps(value).decode()


def from_json(value: Any) -> Any:
    """A JSON column's value: text from SQLite, parsed already from PostgreSQL."""
    return orjson.loads(value) if isinstance(value, (str, bytes)) else value


@lru_cache(maxsize=64)
def _insert(table: str, names: tuple[str, ...], unless_known: bool) -> str:
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {table} ({quoted(names)}) VALUES ({marks})" + (
        " ON CONFLICT DO NOTHING" if unless_known else ""
    )


@lru_cache(maxsize=64)
def _in_format_style(sql: str) -> str:
    return sql.replace("?", "%s")
