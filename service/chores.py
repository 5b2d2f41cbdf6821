"""What the service does by itself, beside answering: release reservations that never reported, look for odd spend,
store what killed processes were about to store.

Of several processes on one store, one does it: whoever holds the lease. What each does for itself takes its turns here
as well.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Event, Thread

from router.errors import TierwiseError
from router.events import Hook, ReservationsExpired, tell
from router.log import leases
from router.log.store import LogStore
from router.prices import now
from router.privacy.forgetting import in_parts
from router.privacy.retention import retire_cache, retire_log
from router.settings import Settings
from router.spend.spending import Spending
from service.alerting import Alerting
from service.privacy import retention_of

PATIENCE_SECONDS = 30.0
LEASE, LEASE_SECONDS = "chores", 60.0
Turn = tuple[float, Callable[[], object]]  # every how many seconds, and what
ADOPT_SECONDS = 10.0  # what a killed process left is not left to the next start alone


class Chores:
    """One thread. A chore that fails is done again at its next turn; nothing waits for it."""

    def __init__(
        self,
        store: LogStore,
        spending: Spending,
        hooks: Sequence[Hook],
        settings: Settings,
        more: Sequence[Turn] = (),
        everyone: Sequence[Turn] = (),
    ) -> None:
        """`more` are chores besides; `everyone` is what each process does for itself, whoever holds the lease."""
        self._store, self._spending, self._hooks = store, spending, hooks
        self.alerting = Alerting(store, lambda: spending.rules().alerts, hooks)
        shared: tuple[Turn, ...] = (
            (settings.expire_every_seconds, self.expire),
            (settings.alert_every_seconds, self.alerting.look),
            (settings.retire_every_seconds, self.retire),
            (ADOPT_SECONDS, store.recover),
            *more,
        )
        self._turns = (*((*turn, True) for turn in shared), *((*turn, False) for turn in everyone))
        self._name = uuid.uuid4().hex
        self._cache_url = settings.cache_url or settings.store_url
        self._kept = retention_of(settings)
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="chores", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(PATIENCE_SECONDS)
            with suppress(TierwiseError, TimeoutError):
                self._store.write(lambda c: leases.release(c, LEASE, self._name)).result(1.0)

    def ours(self) -> bool:
        """Whether the chores are this process's at the moment. Raises TierwiseError where the store does not write."""
        now_ms, length_ms = round(time.time() * 1000), round(LEASE_SECONDS * 1000)
        held = self._store.write(lambda c: leases.hold(c, LEASE, self._name, now_ms, length_ms))
        return held.result(PATIENCE_SECONDS)

    def expire(self) -> int:
        """Release what is overdue; how many. Raises TierwiseError where the store does not write."""
        count = int(self._store.write(self._spending.expiring()).result(PATIENCE_SECONDS))
        if count:
            tell(self._hooks, ReservationsExpired(count))
        return count

    def retire(self) -> int:
        """Remove what is over its time, a little at a time: others write in between. How many rows that were."""
        done, part, moment = 0, 1, now()
        while part and not self._stopping.is_set():
            part = int(self._store.write(lambda one: retire_log(one, self._kept, moment)).result(PATIENCE_SECONDS))
            done += part
        return done + in_parts(self._cache_url, lambda one: retire_cache(one, time.time()))

    def _run(self) -> None:
        due = [time.monotonic() + every for every, _, _ in self._turns]
        while not self._stopping.wait(max(0.0, min(due) - time.monotonic())):
            place = due.index(min(due))
            every, chore, shared = self._turns[place]
            with suppress(TierwiseError, OSError):  # /readyz tells when the store is away
                if not shared or self.ours():
                    chore()
            due[place] = time.monotonic() + every
