"""Which spending rules hold: those of a file that may change while the service runs; a broken file changes nothing."""

import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from router.errors import InputError
from router.spend.spending_file import SpendingRules, read_spending_file

LOOK_SECONDS = 1.0


class SpendingFile:
    """The rules of a file, read again after it changed. Raises InputError at the start for a file that does not read.

    `on_change` is told the problem of a changed file, or None when its rules were taken.
    """

    def __init__(self, path: Path | None, on_change: Callable[[str | None], None] = lambda problem: None) -> None:
        self._path, self._on_change, self._lock = path, on_change, Lock()
        self._looked, self._seen = time.monotonic(), self._mark()
        self._rules = SpendingRules() if path is None else read_spending_file(path)

    def __call__(self) -> SpendingRules:
        """The rules of now; the file is looked at once a second at most."""
        if self._path is not None and time.monotonic() - self._looked > LOOK_SECONDS:
            self._look()
        return self._rules

    def _look(self) -> None:
        if not self._lock.acquire(blocking=False):
            return  # someone else is reading it
        try:
            self._looked, mark = time.monotonic(), self._mark()
            if mark != self._seen and self._path is not None:
                self._seen = mark
                self._rules = read_spending_file(self._path)
                self._on_change(None)
        except InputError as error:
            self._on_change(str(error))
        finally:
            self._lock.release()

    def _mark(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat() if self._path else None
        except OSError:
            return None
        return found and (found.st_mtime_ns, found.st_size)
