"""A database that a store of few rows shares with the log: opened late, its tables made at the first writing.

Knows transactions and failures; what is kept belongs to the store.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from router.errors import StoreError
from router.log.database import WRITER_LOCK, open_database
from router.migrations.upgrade import prepare


class SmallStore:
    """`what` is kept, in the plural, for messages. Raises StoreError when the database does not answer."""

    def __init__(
        self, url: str, what: str, timeout_seconds: float, *, fsync: bool = False, lock: int = WRITER_LOCK
    ) -> None:
        self._engine = open_database(url, timeout_seconds, fsync, lock)
        self._what = what
        self.made = False  # whether the tables are known to be there

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        try:
            with self._engine.execution_options(writes=True).begin() as connection:
                if not self.made:
                    prepare(connection)
                    self.made = True
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise StoreError(f"the {self._what} could not be written: {type(error).__name__}") from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Makes nothing: tables may lack until somebody has written."""
        try:
            with self._engine.connect() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise StoreError(f"the {self._what} could not be read: {type(error).__name__}") from error

    def close(self) -> None:
        self._engine.dispose()
