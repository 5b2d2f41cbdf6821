"""Notices that an SQLite file was deleted, moved or restored under a running process.

An open connection goes on with the file that it opened, so that everything written from then on would be gone at its
end, though acknowledged. Knows files and connections; no tables.
"""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DisconnectionError

from router.errors import StoreAwayError

_FILE = "file"


def keep_to_file(engine: Engine, path: Path) -> None:
    """Before every transaction of a connection and every time one is taken from the pool: is the file still the one
    that it opened? Costs a `stat`."""

    @event.listens_for(engine, "connect")
    def remember(connection: Any, record: Any) -> None:
        record.info[_FILE] = _identity(path)

    @event.listens_for(engine, "checkout")
    def check(connection: Any, record: Any, proxy: Any) -> None:
        if record.info[_FILE] != _identity(path):
            raise DisconnectionError  # the pool opens another one

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.info[_FILE] != _identity(path):
            connection.invalidate()
            raise StoreAwayError("the database's file was deleted or replaced; it is opened anew")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
