"""Requests that were served their own stored answer: what is sent again, byte for byte, need not be read again.

Remembers how a request was read and its key, never an answer: whether one may serve is asked each time.
"""

from dataclasses import dataclass
from threading import Lock

from router.cache.key import CacheKey
from router.privacy.leaver import Leaver
from router.requests import Request

MOST, MOST_BYTES = 4_096, 16_384
# What was sent and on whose behalf: the tenant that a caller's key stands for (None: the body may name any), the body.
Said = tuple[str | None, bytes]


@dataclass(frozen=True)
class Known:
    """A request as it was read, and its key."""

    request: Request
    key: CacheKey


class Repeats:
    """Thread-safe. At most `most` requests, whose bodies have at most `MOST_BYTES`; the eldest leave first."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: dict[Said, Known] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, said: Said) -> Known | None:
        return self._known.get(said)

    def keep(self, said: Said, known: Known) -> None:
        if len(said[1]) > MOST_BYTES:
            return
        with self._lock:
            while len(self._known) >= self._most:
                del self._known[next(iter(self._known))]
            self._known[said] = known

    def forget(self, leaver: Leaver) -> None:
        """Nothing of a tenant is remembered any more."""
        with self._lock:
            for said in [said for said, known in self._known.items() if leaver.named(known.key.tenant)]:
                del self._known[said]
