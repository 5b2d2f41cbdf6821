"""Which processes serve on one store, and what all of them must hear: a heartbeat, and notices.

Moments are the database's own. A process that was killed is counted until its last heartbeat is LIVES_SECONDS old.
"""

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread

from sqlalchemy import delete, func, insert, select

from router.errors import StoreError
from router.log.database import PRESENCE_LOCK, put, seconds_there
from router.log.small_store import SmallStore
from router.log.tables import notices, processes
from router.privacy.leaver import Leaver

LOOK_SECONDS, BEAT_SECONDS, LIVES_SECONDS, KEPT_SECONDS = 0.2, 5.0, 15.0, 7 * 86_400.0
_PATIENCE_SECONDS = 5.0


class PresenceStore:
    """Raises StoreError when the database does not answer."""

    def __init__(self, url: str, timeout_seconds: float = 1.0) -> None:
        self._database = SmallStore(url, "processes that live", timeout_seconds, lock=PRESENCE_LOCK)

    def beat(self, process: str, heard: int) -> int:
        """Say that a process lives and what it has heard; how many live."""
        with self._database.writing() as connection:
            now = seconds_there(connection)
            said = {"until": now + LIVES_SECONDS, "heard": heard}
            connection.execute(delete(processes).where(processes.c.until < now))
            put(connection, processes, {"process": process}, said)
            return int(connection.scalar(select(func.count()).select_from(processes)) or 0)

    def leave(self, process: str) -> None:
        with self._database.writing() as connection:
            connection.execute(delete(processes).where(processes.c.process == process))

    def tell(self, leaver: Leaver) -> int:
        """A notice to all that somebody is to be forgotten; its number."""
        with self._database.writing() as connection:
            now = seconds_there(connection)
            connection.execute(delete(notices).where(notices.c.at < now - KEPT_SECONDS))
            made = connection.execute(insert(notices).values(at=now, forgotten=leaver.digest, whole=leaver.whole))
            return int((made.inserted_primary_key or (0,))[0])

    def after(self, notice_id: int) -> list[tuple[int, Leaver]]:
        """Notices after one, oldest first: number, and who is to be forgotten."""
        query = select(notices).where(notices.c.notice_id > notice_id).order_by(notices.c.notice_id)
        with self._database.reading() as connection:
            return [(row.notice_id, Leaver(row.forgotten, row.whole)) for row in connection.execute(query)]

    def deaf_to(self, notice_id: int) -> int:
        """How many living processes have not heard a notice."""
        with self._database.reading() as connection:
            deaf = (processes.c.heard < notice_id, processes.c.until >= seconds_there(connection))
            return int(connection.scalar(select(func.count()).select_from(processes).where(*deaf)) or 0)

    def close(self) -> None:
        self._database.close()


class Presence:
    """This process among those on a store, in a thread of its own: it lives, it hears, and it counts the others."""

    def __init__(self, store: PresenceStore, hear: Callable[[Leaver], object], at_least: int = 1) -> None:
        """`hear` is called with whom to forget, and again where it raises. `at_least` so many processes are known to
        be."""
        self._store, self._hear, self._at_least = store, hear, at_least
        self.process = uuid.uuid4().hex
        self._heard = 0  # what was told before this process began is heard too, and finds nothing
        self._beat_at = float("-inf")
        self._counted = 0
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="presence", daemon=True)

    @property
    def count(self) -> int:
        """Processes on the store, this one among them, when it was last asked."""
        return max(self._at_least, self._counted)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE_SECONDS)
        with suppress(StoreError):
            self._store.leave(self.process)
        self._store.close()

    def look(self) -> None:
        """Hear what is new, and say so. Raises StoreError."""
        if self._beat_at == float("-inf"):
            self._beat()
        new = self._store.after(self._heard)
        for notice_id, leaver in new:
            self._hear(leaver)
            self._heard = notice_id
        if new or time.monotonic() - self._beat_at >= BEAT_SECONDS:
            self._beat()

    def _beat(self) -> None:
        self._counted = self._store.beat(self.process, self._heard)
        self._beat_at = time.monotonic()

    def _run(self) -> None:
        while not self._stopping.is_set():
            with suppress(Exception):  # the store is away, or what hears failed: again at the next look
                self.look()
            self._stopping.wait(LOOK_SECONDS)


def told_to_all(store: PresenceStore, leaver: Leaver, seconds: float = 2.0) -> bool:
    """Have every living process forget somebody in memory; whether all have said so in time. Raises StoreError."""
    notice, deadline = store.tell(leaver), time.monotonic() + seconds
    while store.deaf_to(notice):
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS / 4)
    return True
