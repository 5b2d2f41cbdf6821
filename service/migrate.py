"""`python -m service migrate`: bring the stores to the schema that this version needs, or write the next migration.

The service does the former by itself when it starts; this is for those who want it done before.
"""

import argparse
from collections.abc import Sequence

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from router.console import run_command
from router.errors import StoreError
from router.log.database import open_database
from router.migrations.upgrade import alembic_config, current, prepare
from router.settings import Settings

PATIENCE_SECONDS = 60.0


def run_migrate(argv: Sequence[str]) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m service migrate", description=__doc__)
    parser.add_argument("--url", help="SQLAlchemy URL of the store (default: TIERWISE_STORE_URL and _CACHE_URL)")
    parser.add_argument("--write", metavar="WHAT", help="for developers: write a migration of what the tables changed")
    given = parser.parse_args(argv)
    return run_command(lambda: _migrate(given.url, given.write))


def _migrate(url: str | None, write: str | None) -> None:
    settings = Settings()
    urls = [url] if url else list(dict.fromkeys((settings.store_url, settings.cache_url or settings.store_url)))
    for one in urls if write is None else urls[:1]:
        _migrate_one(one, write)


def _migrate_one(url: str, write: str | None) -> None:
    engine = open_database(url, PATIENCE_SECONDS, fsync=False)
    try:
        with engine.execution_options(writes=True).begin() as connection:
            before = current(connection)
            prepare(connection)
            print(f"{engine.url.render_as_string()}: schema {before or 'none'} → {current(connection)}")
            if write is not None:
                _write(connection, write)
    except SQLAlchemyError as error:
        raise StoreError(f"{engine.url.render_as_string()}: {getattr(error, 'orig', None) or error}") from error
    finally:
        engine.dispose()


def _write(connection: Connection, what: str) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory

    config = alembic_config(connection)
    head = ScriptDirectory.from_config(config).get_current_head() or "0000"
    made = command.revision(config, what, autogenerate=True, rev_id=f"{int(head) + 1:04}")
    print(f"Read it, then set HEAD in router/migrations/upgrade.py: {made.path if made else ''}")  # type: ignore[union-attr]
