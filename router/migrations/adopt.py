"""Completes tables that were made before the schema had versions. Knows nothing of what they hold."""

from sqlalchemy import Connection, MetaData, inspect


def add_lacking(connection: Connection, metadata: MetaData) -> None:
    """Make the tables that are not there, and add what older ones lack: columns that may be null."""
    metadata.create_all(connection)
    inspector = inspect(connection)
    for table in metadata.sorted_tables:
        there = {column["name"] for column in inspector.get_columns(table.name)}
        for column in table.columns:
            if column.name not in there and column.nullable:
                kind = column.type.compile(connection.dialect)
                name = connection.dialect.identifier_preparer.quote(column.name)
                connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {name} {kind}")
