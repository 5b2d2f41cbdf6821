"""Records on their way into the store, in files of this process's own: what a killed process leaves there is found.

A record is in the operating system's hands when `append` returns, so it outlives the process, though not a power cut.
The files are mapped into memory: no call of the system stands between a record and its answer, and no other thread can
come between. Their room is filled with zeros first, so that a full disk is known before it is written to, as SQLite
does it with the index of its log. Knows lines and files; nothing of what the records say.
"""

import fcntl
import mmap
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
ROOM = 256 * 1024  # bytes of a file; one that is to take a longer record has more


@dataclass
class Part:
    """One file, mapped: `out` of its records, in its first `size` bytes, are not known to be in the store."""

    path: Path
    file: int
    room: mmap.mmap
    size: int = 0
    out: int = 0

    def take(self, line: bytes) -> bool:
        """Keep a line; False where it has no room."""
        end = self.size + len(line)
        if end > len(self.room):
            return False
        self.room[self.size : end] = line
        self.size = end
        self.out += 1
        return True

    def clear(self) -> None:
        self.room[: self.size] = bytes(self.size)
        self.size = 0

    def close(self) -> None:
        self.room.close()
        os.close(self.file)


class Spool:
    """Files of one process, locked while it lives: one takes records while those of others are stored, so that each is
    emptied in its turn however busy the process is. Thread-safe. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()
        self._current: Part | None = None
        self._parts: list[Part] = []

    def append(self, record: bytes) -> Part:
        """Keep one record, which has no line break, until its part is told that it is stored."""
        line = b"%08x%s\n" % (zlib.crc32(record), record)
        with self._lock:
            if self._current is None or not self._current.take(line):
                self._current = self._opened(len(line))
                self._current.take(line)
            return self._current

    def cut(self) -> None:
        """What comes from now on goes into another file."""
        with self._lock:
            self._current = None

    def stored(self, part: Part) -> None:
        """One record of a part is in the store; the last one empties its file."""
        with self._lock:
            part.out -= 1
            if not part.out:
                part.clear()

    def close(self) -> None:
        """Let go of the files; those that are empty go."""
        with self._lock:
            for part in self._parts:
                if not part.size:
                    part.path.unlink(missing_ok=True)
                part.close()
            self._parts, self._current = [], None

    def everything(self) -> Iterator[bytes]:
        """The records of every process's file, living or dead."""
        for path in _files(self.folder):
            with suppress(FileNotFoundError):  # its owner has just ended
                yield from _records(path.read_bytes())

    def elsewhere(self, sought: bytes) -> Iterator[bytes]:
        """The records of other processes' files in which these bytes are."""
        with self._lock:
            own = {part.path for part in self._parts}
        for path in _files(self.folder):
            if path not in own:
                with suppress(FileNotFoundError):
                    kept = path.read_bytes()
                    if sought in kept:
                        yield from (record for record in _records(kept) if sought in record)

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

    def _opened(self, least: int) -> Part:
        """An empty file with room for so much: one that was emptied, else a new one."""
        for part in [part for part in self._parts if not part.size and not os.fstat(part.file).st_nlink]:
            part.close()  # somebody deleted it
            self._parts.remove(part)
        found = next((part for part in self._parts if not part.size and len(part.room) >= least), None)
        if found is None:
            found = self._made(max(least, ROOM))
            self._parts.append(found)
        return found

    def _made(self, room: int) -> Part:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            path = self.folder / f"{uuid.uuid4().hex}.{_ENDING}"
            file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                if os.write(file, bytes(room)) != room:
                    raise OSError("the disk has no room")
                # whoever looks for what the dead left may have been quicker, and taken it away
                if _locked(file) and os.fstat(file).st_nlink:
                    return Part(path, file, mmap.mmap(file, room))
            except BaseException:
                path.unlink(missing_ok=True)
                os.close(file)
                raise
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
