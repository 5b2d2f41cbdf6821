"""The schema's way from one version to the next: new, adopted, and by two at once."""

import importlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from router.log.database import open_database
from router.migrations.schema import SCHEMA
from router.migrations.upgrade import HEAD, alembic_config, current, is_compared, prepare, upgrade


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Callable[[], Engine]]:
    """Engines that write to one database."""
    made: list[Engine] = []

    def open_one() -> Engine:
        made.append(
            open_database(f"sqlite:///{tmp_path / 'store.db'}", 20.0, fsync=False).execution_options(writes=True)
        )
        return made[-1]

    yield open_one
    for engine in made:
        engine.dispose()


def test_the_head_is_the_last_migration(database) -> None:
    with database().begin() as connection:
        script = ScriptDirectory.from_config(alembic_config(connection))
    assert script.get_current_head() == HEAD


def test_migrations_lead_to_the_tables_that_the_code_names(database) -> None:
    """Fails when a table changed without a migration: python -m service migrate --write 'what changed'."""
    with database().begin() as connection:
        upgrade(connection)
        context = MigrationContext.configure(connection, opts={"include_object": is_compared})
        assert compare_metadata(context, list(SCHEMA)) == []
        assert current(connection) == HEAD


def test_a_new_database_is_made_at_once_and_stamped(database) -> None:
    with database().begin() as connection:
        prepare(connection)
        assert current(connection) == HEAD
        prepare(connection)
        upgrade(connection)  # finds nothing to do


def test_a_database_of_before_is_adopted_with_its_rows(database) -> None:
    """Made without versions, by a release whose ledger did not know prefixes yet."""
    old = importlib.import_module("router.migrations.versions.r0001_beginning").TABLES
    with database().begin() as connection:
        old.create_all(connection)
        connection.execute(text("ALTER TABLE ledger_calls DROP COLUMN prefix_share"))
        connection.execute(text("INSERT INTO probes VALUES (1, '2026-01-01 00:00:00.000000')"))
    with database().begin() as connection:
        prepare(connection)
    with database().begin() as connection:
        assert current(connection) == HEAD
        found = inspect(connection)
        assert "prefix_share" in {one["name"] for one in found.get_columns("ledger_calls")}
        assert {"leases", "cache_journal"} <= set(found.get_table_names())
        assert connection.scalar(text("SELECT count(*) FROM probes")) == 1


def test_a_newer_schema_is_left_alone(database) -> None:
    engine = database()
    with engine.begin() as connection:
        prepare(connection)
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        prepare(connection)
        assert current(connection) == "9999"


@pytest.mark.parametrize("adopted", [False, True])
def test_two_that_start_at_once_both_find_it_done(database, adopted) -> None:
    if adopted:
        with database().begin() as connection:
            importlib.import_module("router.migrations.versions.r0001_beginning").TABLES.create_all(connection)

    def start(engine: Engine) -> str | None:
        with engine.begin() as connection:
            prepare(connection)
            return current(connection)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(start, [database() for _ in range(4)])) == [HEAD] * 4
