"""The log as a command reads it beside serving processes: with all that they have acknowledged until now.

Knows whose records a spool holds and that somebody has to store them; asks the log nothing.
"""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from router.errors import InputError, StoreError
from router.log.database import sqlite_file
from router.log.store import LogStore
from router.spend.late_booking import LateBooking

READ_SECONDS = 30.0


@contextmanager
def whole_log(url: str, field: str = "log") -> Iterator[LogStore]:
    """A store in which everything is that was acknowledged before. Where the spool's records cannot be brought in, of a
    file that nobody may write, say, it is read without them, and that is said. Raises InputError for a wrong URL, and
    for a file that is not there: reading must not make an empty database of a misspelt name."""
    file = sqlite_file(url)
    if file is not None and not file.is_file() and not Path(f"{file}-spool").is_dir():
        raise InputError(field, url, "no such database", "Name the one of a service, or serve first.")
    with closing(LogStore(url, timeout_seconds=READ_SECONDS, late=LateBooking)) as store:
        try:
            store.settle_everywhere()
        except (StoreError, OSError) as error:
            print(f"warning: the last decisions of a running service are left out ({error})", file=sys.stderr)
        yield store
