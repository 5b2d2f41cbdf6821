"""Records on their way into the store, in files of this process's own: what a killed process leaves there is found.

A record is in the operating system's hands when `append` returns, so it outlives the process, though not a power cut.
Knows lines and files; nothing of what the records say.
"""

import fcntl
import os
import uuid
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

_ENDING = "spool"
_CRC = 8  # hexadecimal digits before each record


@dataclass
class Part:
    """One file: `out` of its records are not known to be in the store."""

    path: Path
    file: int
    size: int = 0
    out: int = 0


class Spool:
    """Files of one process, locked while it lives: one takes records while those of others are stored, so that each is
    emptied in its turn however busy the process is. Thread-safe. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()
        self._current: Part | None = None
        self._parts: list[Part] = []

    def append(self, record: bytes) -> Part:
        """Keep one record, which has no line break, until its part is told that it is stored. What could not be written
        whole is taken back."""
        line = b"%08x%s\n" % (zlib.crc32(record), record)
        with self._lock:
            part = self._opened()
            if os.write(part.file, line) != len(line):
                os.ftruncate(part.file, part.size)
                raise OSError("the disk took half a record")
            part.size += len(line)
            part.out += 1
            return part

    def cut(self) -> None:
        """What comes from now on goes into another file."""
        with self._lock:
            self._current = None

    def stored(self, part: Part) -> None:
        """One record of a part is in the store; the last one empties its file."""
        with self._lock:
            part.out -= 1
            if not part.out:
                os.ftruncate(part.file, 0)
                part.size = 0

    def close(self) -> None:
        """Let go of the files; those that are empty go."""
        with self._lock:
            for part in self._parts:
                if not part.size:
                    part.path.unlink(missing_ok=True)
                os.close(part.file)
            self._parts, self._current = [], None

    def everything(self) -> Iterator[bytes]:
        """The records of every process's file, living or dead."""
        for path in _files(self.folder):
            with suppress(FileNotFoundError):  # its owner has just ended
                yield from _records(path.read_bytes())

    def adopted(self) -> Iterator[tuple[Path, list[bytes]]]:
        """The files that dead processes left, each with its records, held while the caller has it: `unlink` the path
        once they are kept."""
        for path in _files(self.folder):
            with suppress(FileNotFoundError):
                file = os.open(path, os.O_RDWR)
                try:
                    if _locked(file):
                        yield path, list(_records(path.read_bytes()))
                finally:
                    os.close(file)

    def _opened(self) -> Part:
        """The file that takes records: the one before, an emptied one, or a new one where somebody deleted it."""
        if self._current is None:
            self._current = next((part for part in self._parts if not part.size), None)
        if self._current is None or not os.fstat(self._current.file).st_nlink:
            self._current = self._made()
            self._parts.append(self._current)
        return self._current

    def _made(self) -> Part:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            path = self.folder / f"{uuid.uuid4().hex}.{_ENDING}"
            file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
            # whoever looks for what the dead left may have been quicker, and taken it away
            if _locked(file) and os.fstat(file).st_nlink:
                return Part(path, file)
            os.close(file)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*.{_ENDING}"))


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _records(kept: bytes) -> Iterator[bytes]:
    """Whole records only: one that was cut off was never acknowledged."""
    for line in kept.split(b"\n")[:-1]:
        said, record = line[:_CRC], line[_CRC:]
        if said == b"%08x" % zlib.crc32(record):
            yield record
