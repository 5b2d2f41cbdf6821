"""Rows of decisions into the log's table: many in one statement, and which of them are there already.

Knows the table and how the driver wants its values; nothing of what else belongs to a decision.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect

from router.log.driver_sql import Statements, columns_of
from router.log.tables import decisions

_COLUMNS = columns_of(decisions)


def insert_decisions(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows of the log, none of which is there yet."""
    processors = _processors(connection.dialect)
    bound = [{name: row[name] if said is None else said(row[name]) for name, said in processors} for row in rows]
    Statements(connection).insert_each(decisions, bound)


def known_decisions(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Those of these ids that are in the log."""
    return Statements(connection).known(decisions, "decision_id", ids)


@lru_cache(maxsize=8)
def _processors(dialect: Dialect) -> tuple[tuple[str, Callable[[Any], Any] | None], ...]:
    """What SQLAlchemy's types do to each column's value before the driver has it: its own insert takes a third more."""
    types = ((name, decisions.c[name].type.dialect_impl(dialect)) for name in _COLUMNS)
    return tuple((name, kind.bind_processor(dialect)) for name, kind in types)
