"""Opening the log's database. Knows dialects and their settings; knows no tables."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from weakref import WeakSet

import orjson
from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.types import NullType

from router.errors import InputError
from router.log.same_file import keep_to_file

REPORT_SECONDS, IDLE_SECONDS = 60.0, 15.0  # a month's report; a transaction left open
# Of SQLite's pages, by connection. Whatever another connection commits empties it, so under load more is not faster;
# with SQLite's own 2 MB the peaks of all connections grew with the file and stayed in the process as fragments.
_PAGES_KIB = 512
# numbers that other users of the database do not use
WRITER_LOCK, CACHE_LOCK, RATES_LOCK, PRESENCE_LOCK = 7_413_651_929, 7_413_651_930, 7_413_651_932, 7_413_651_933
_CLOCKS = {
    "sqlite": "SELECT (julianday('now') - 2440587.5) * 86400.0",
    "postgresql": "SELECT extract(epoch FROM clock_timestamp())",
}
_opened: WeakSet[Engine] = WeakSet()
_CURE = "Use a SQLAlchemy URL such as sqlite:///models/tierwise.db."


def open_database(url: str, timeout_seconds: float, fsync: bool, lock: int = WRITER_LOCK) -> Engine:
    """An engine that has not connected yet; on PostgreSQL, writers with the same `lock` go one after the other. Raises
    InputError for a URL that can never work."""
    try:
        parsed = make_url(url)
        engine = create_engine(parsed, json_serializer=lambda value: orjson.dumps(value).decode())
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise InputError("store_url", url, f"not usable: {error}", _CURE) from error
    if parsed.get_backend_name() == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            # every connection would see its own empty database
            raise InputError("store_url", url, "a database in memory keeps nothing", _CURE)
        _prepare_sqlite(engine, parsed, timeout_seconds, fsync)
    elif parsed.get_backend_name() == "postgresql":
        engine.dialect.ischema_names = {**engine.dialect.ischema_names, "vector": NullType}  # type: ignore[attr-defined]
        _bound_waiting(engine, timeout_seconds)
        _one_writer(engine, lock)
    _opened.add(engine)
    return engine


def forget_statements() -> None:
    """SQLAlchemy keeps statements that it compiled, each with the values of its first use: names and texts, too."""
    for engine in list(_opened):
        engine.clear_compiled_cache()


def seconds_there(connection: Connection) -> float:
    """Seconds since 1970 by the database's own clock, which all who share it agree on."""
    return float(connection.exec_driver_sql(_CLOCKS[connection.dialect.name]).scalar_one())


def put(connection: Connection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Write over the row of a key, made where it lacks. In a writing transaction, whose writers take turns."""
    known = table.update().where(*(table.c[name] == value for name, value in key.items()))
    if not connection.execute(known.values(values)).rowcount:
        connection.execute(table.insert().values({**key, **values}))


def sqlite_file(url: str) -> Path | None:
    """The file that an SQLite URL names; None for another database, one in memory, and what is no URL."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return None
    database = parsed.database or ""
    named = parsed.get_backend_name() == "sqlite" and database not in ("", ":memory:")
    return Path(database) if named and not database.startswith("file:") else None


def spool_folder(url: URL) -> Path | None:
    """Where processes on one SQLite file may leave records for each other; None where there is no such place."""
    database = url.database or ""
    if url.get_backend_name() != "sqlite" or database.startswith("file:"):
        return None
    return Path(f"{database}-spool")


def _prepare_sqlite(engine: Engine, url: URL, timeout_seconds: float, fsync: bool) -> None:
    """WAL lets readers and one writer work at once, across processes.

    In WAL mode a commit is in the operating system's hands before it is acknowledged, so a killed process loses
    nothing; only `fsync` also outlives a power cut.
    """

    @event.listens_for(engine, "do_connect")
    def make_folder(dialect: Any, record: Any, args: Any, kwargs: Any) -> None:
        if not (url.database or "").startswith("file:"):
            Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # transactions begin below, not where the driver guesses
        connection.execute(f"PRAGMA busy_timeout = {int(timeout_seconds * 1000)}")
        _enter_wal(connection, timeout_seconds)
        connection.execute(f"PRAGMA cache_size = -{_PAGES_KIB}")
        connection.execute("PRAGMA secure_delete = ON")  # what is removed or changed leaves no copy in the file
        connection.execute(f"PRAGMA synchronous = {'FULL' if fsync else 'NORMAL'}")

    if not (url.database or "").startswith("file:"):
        keep_to_file(engine, Path(url.database or ""))

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # a writer takes the lock at once: a read that turns into a write would fail without waiting for the lock
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _bound_waiting(engine: Engine, timeout_seconds: float) -> None:
    """Nobody waits for ever: not to connect, not for a lock, not for a server that vanished without a word, and not for
    a writer that stopped in the middle of its transaction. What the URL says of these wins."""
    milliseconds = max(1, int(1000 * timeout_seconds))
    settings = {
        "lock_timeout": milliseconds,
        "statement_timeout": int(1000 * max(timeout_seconds, REPORT_SECONDS)),
        "idle_in_transaction_session_timeout": int(1000 * max(timeout_seconds, IDLE_SECONDS)),
    }
    waits = {
        "connect_timeout": max(2, math.ceil(timeout_seconds)),  # libpq's least
        "tcp_user_timeout": max(2000, 2 * milliseconds),
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
    }

    @event.listens_for(engine, "do_connect")
    def bound(dialect: Any, record: Any, args: Any, kwargs: dict[str, Any]) -> None:
        said = kwargs.get("options", "")
        ours = [f"-c {name}={value}" for name, value in settings.items() if name not in said]
        kwargs["options"] = " ".join([*ours, said]).strip()
        for name, value in waits.items():
            kwargs.setdefault(name, value)


def _one_writer(engine: Engine, lock: int) -> None:
    """One writing transaction at a time, as SQLite has it: the ledger decides on what it reads."""

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("writes"):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({lock})")


def _enter_wal(connection: Any, timeout_seconds: float) -> None:
    """SQLite does not wait when two processes enter WAL mode in the same moment, so this does."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except connection.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
