"""How much may still be spent today, by all processes on one store together. Reserves what a call may cost at most, and
corrects it when the bill is known; knows nothing of calls."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, inspect, select

from router.errors import StoreError
from router.log.store import LogStore
from router.prices import now
from router.shadow.tables import shadow_days

STORE_SECONDS = 10.0


@dataclass(frozen=True)
class Held:
    """What was reserved, and of which UTC day: a bill after midnight corrects the day that paid."""

    day: str
    usd: float


class DailyCap:
    """USD per UTC day. The store decides, so that processes share one cap. May be used from several threads."""

    def __init__(self, usd: float, store: LogStore, clock: Callable[[], datetime] = now) -> None:
        self.usd, self._store, self._clock = usd, store, clock

    @property
    def spent(self) -> float:
        """USD spent and held today. Raises StoreError."""
        with self._store.reading() as connection:
            there = inspect(connection).has_table(shadow_days.name)  # nothing was ever written where it is not
            return (_spent(connection, self._today()) or 0.0) if there else 0.0

    def take(self, usd: float) -> Held | None:
        """Hold an amount; None where there is no room for it. Raises StoreError or TimeoutError where the store does
        not write: nothing may be spent that nobody counts."""
        held = Held(self._today(), usd)
        taken = self._store.write(lambda connection: _take(connection, held, self.usd)).result(STORE_SECONDS)
        return held if taken else None

    def correct(self, held: Held, billed: float) -> None:
        """Replace what was held by what was billed, in USD. Where the store does not write it stays held."""
        with suppress(StoreError, TimeoutError):
            self._store.write(lambda connection: _add(connection, held.day, billed - held.usd)).result(STORE_SECONDS)

    def _today(self) -> str:
        return self._clock().astimezone(UTC).date().isoformat()


def _take(connection: Connection, held: Held, most: float) -> bool:
    """In a writing transaction, of which the store runs one at a time."""
    spent = _spent(connection, held.day)
    if (spent or 0.0) + held.usd > most:
        return False
    if spent is None:
        connection.execute(shadow_days.insert(), {"day": held.day, "usd": held.usd})
    else:
        _add(connection, held.day, held.usd)
    return True


def _add(connection: Connection, day: str, usd: float) -> None:
    spent = _spent(connection, day) or 0.0
    connection.execute(shadow_days.update().where(shadow_days.c.day == day), {"usd": max(spent + usd, 0.0)})


def _spent(connection: Connection, day: str) -> float | None:
    found: float | None = connection.execute(
        select(shadow_days.c.usd).where(shadow_days.c.day == day)
    ).scalar_one_or_none()
    return found
