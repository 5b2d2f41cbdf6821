"""A store written by an older version is brought up to date where that loses nothing."""

from pathlib import Path

from sqlalchemy import Column, Integer, MetaData, String, Table

from router.log.database import open_database
from router.migrations.adopt import add_lacking


def table(*more: Column) -> MetaData:
    metadata = MetaData()
    Table("things", metadata, Column("key", Integer, primary_key=True), *more)
    return metadata


def test_missing_columns_are_added_and_rows_kept(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'old.db'}", 1.0, fsync=False).execution_options(writes=True)
    new = table(Column("user", String(9)))
    with engine.begin() as connection:
        add_lacking(connection, table())
        connection.exec_driver_sql("INSERT INTO things VALUES (1)")
    for _ in range(2):  # the second time there is nothing to do
        with engine.begin() as connection:
            add_lacking(connection, new)
    with engine.begin() as connection:
        connection.execute(new.tables["things"].insert(), {"key": 2, "user": "b"})
        assert connection.execute(new.tables["things"].select()).all() == [(1, None), (2, "b")]
    engine.dispose()
