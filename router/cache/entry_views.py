"""The words of entries, read once: packed beside each entry, and open for those that were compared lately.

Knows entry numbers and texts; knows no vectors, answers or histories. Reading a text takes four times as long as
opening what was packed, so whoever has the time reads ahead of the requests.
"""

import marshal
from collections import OrderedDict, deque
from typing import Protocol

from router.cache.text_view import TextView

_OPEN = 4_096
_FIELDS = tuple(TextView.__slots__)


class Reader(Protocol):
    """Reads texts, and keeps what it read in little room. Several threads may share one."""

    def view(self, text: str) -> TextView: ...

    def packed(self, view: TextView) -> bytes: ...

    def unpacked(self, packed: bytes) -> TextView: ...


def pack(view: TextView) -> bytes:
    """About .8 KB for a dozen words, where the objects take ten times that. For this process's memory only."""
    return marshal.dumps(tuple(getattr(view, name) for name in _FIELDS))


def unpack(packed: bytes) -> TextView:
    """What `pack` was given, to the bit."""
    return TextView(*marshal.loads(packed))


class EntryViews:
    """Not thread-safe, but for `read`: its owner holds a lock."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._packed: dict[int, bytes | None] = {}  # None: not read yet
        self._unread: deque[int] = deque()
        self._open: OrderedDict[int, TextView] = OrderedDict()

    def add(self, entry_id: int) -> None:
        """A new entry, to be read when it is first compared, or before."""
        self._packed[entry_id] = None
        self._unread.append(entry_id)

    def drop(self, entry_id: int) -> None:
        self._packed.pop(entry_id, None)
        self._open.pop(entry_id, None)

    def of(self, entry_id: int, text: str) -> TextView:
        view = self._open.get(entry_id)
        if view is not None:
            self._open.move_to_end(entry_id)
            return view
        packed = self._packed.get(entry_id)
        if packed is None:
            view = self._reader.view(text)
            self.keep(entry_id, self._reader.packed(view))
        else:
            view = self._reader.unpacked(packed)
        self._open[entry_id] = view
        if len(self._open) > _OPEN:
            self._open.popitem(last=False)
        return view

    def unread(self, count: int) -> list[int]:
        """At most `count` entries that were not read yet; they are not told again."""
        found: list[int] = []
        while self._unread and len(found) < count:
            entry_id = self._unread.popleft()
            if entry_id in self._packed and self._packed[entry_id] is None:
                found.append(entry_id)
        return found

    def read(self, text: str) -> bytes:
        """For `keep`. Needs no lock."""
        return self._reader.packed(self._reader.view(text))

    def keep(self, entry_id: int, packed: bytes) -> None:
        """What was read, unless the entry has gone in the meantime."""
        if entry_id in self._packed:
            self._packed[entry_id] = packed
