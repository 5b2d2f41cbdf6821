"""Completes tables that were made before the schema had versions. Knows nothing of what they hold."""

from typing import Any

from sqlalchemy import Column, Connection, MetaData, inspect


def add_lacking(connection: Connection, metadata: MetaData) -> None:
    """Make the tables that are not there, and add what older ones lack: columns that may be null."""
    metadata.create_all(connection)
    for table in metadata.sorted_tables:
        for column in table.columns:
            if column.nullable:
                add_column(connection, table.name, column)


def add_column(connection: Connection, table: str, column: Column[Any]) -> None:
    """Add a column that may be null to a table, where it is not there."""
    if column.name not in {one["name"] for one in inspect(connection).get_columns(table)}:
        kind = column.type.compile(connection.dialect)
        name = connection.dialect.identifier_preparer.quote(column.name)
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")
