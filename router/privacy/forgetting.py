"""Forgetting in one place after the other: the log's store, the cache's, and the index files beside it.

Knows the places; what goes in each belongs to router.privacy.erasure.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from router.errors import StoreError
from router.log.database import open_database
from router.privacy.cipher import Cipher
from router.privacy.erasure import Forgotten, Whom, find, forget_cache, forget_log, totals
from router.privacy.label_files import forget_labels

T = TypeVar("T")
PATIENCE_SECONDS = 30.0  # other writers go first


def forget(
    store_url: str,
    cache_url: str,
    cipher: Cipher,
    whom: Whom,
    index_dir: Path | None = None,
    labels: Sequence[Path] = (),
    known: Forgotten | None = None,
) -> dict[str, int]:
    """Rows removed, by table or file. Committed when it returns, and overwritten on the disk where SQLite keeps them.

    `known` takes in which decisions these were: a second call that is given it finds what came of them meanwhile.
    Raises StoreError, or SealedError where a key is lacking; doing it again is safe.
    """
    found = Forgotten() if known is None else known
    with writing(store_url) as connection:
        found.take_in(find(connection, whom))
    harvested = {path.name: forget_labels(path, whom, found) for path in labels}
    with writing(cache_url) as connection:  # first: what the log says of a user is needed for this
        cache = forget_cache(connection, whom, found, cipher.open)
    with writing(store_url) as connection:
        log = forget_log(connection, whom, found)
    if index_dir is not None:
        for partition in cache.partitions:  # it is built anew from what the store still holds
            (index_dir / f"{partition}.index").unlink(missing_ok=True)
    return totals(log.rows, cache.rows, {name: rows for name, rows in harvested.items() if rows})


def in_parts(url: str, work: Callable[[Connection], int]) -> int:
    """Do a work that is done in parts, each in a transaction of its own, until it says 0. Raises StoreError."""
    done = 0
    while True:
        with writing(url) as connection:
            part = work(connection)
        done += part
        if not part:
            return done


@contextmanager
def writing(url: str) -> Iterator[Connection]:
    """A writing transaction after which nothing of what was deleted is left in the file."""
    engine = open_database(url, PATIENCE_SECONDS, fsync=True)
    sqlite = engine.dialect.name == "sqlite"
    try:
        with engine.connect() as raw:
            connection = raw.execution_options(writes=True)
            with connection.begin():
                yield connection
            if sqlite:  # the write-ahead log still holds the pages as they were
                connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except (SQLAlchemyError, OSError) as error:
        raise StoreError(f"the store could not be written: {getattr(error, 'orig', None) or error}") from error
    finally:
        engine.dispose()
