"""The buckets that all processes share, in SQL. Knows how they are kept and paid from, not who asks.

Moments are the database's own, so that the clocks of machines need not agree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, or_, select

from router.access.tables import rate_buckets
from router.log.database import RATES_LOCK, seconds_there
from router.log.driver_sql import Statements
from router.log.small_store import SmallStore

# Of buckets that nobody paid from for so long, every process's own copy is as good; and full ones need not be kept.
RECENT_SECONDS, KEPT_SECONDS = 5.0, 86_400.0
_PAID = (
    "INSERT INTO rate_buckets (key_id, tokens, at) VALUES (?, ?, ?) "
    "ON CONFLICT (key_id) DO UPDATE SET tokens = excluded.tokens, at = excluded.at"
)


@dataclass(frozen=True)
class Spent:
    """What one process let through of a key since it last said so; `rate` is the key's, in requests a second."""

    requests: float
    rate: float


def paid(level: float, elapsed: float, spent: Spent) -> float:
    """What is left of a bucket that held `level` some seconds ago. A clock that stepped back fills nothing."""
    return min(depth(spent.rate), level + max(0.0, elapsed) * spent.rate) - spent.requests


def depth(rate: float) -> float:
    """Requests that may come at once: those of one second, and always one."""
    return max(1.0, rate)


class RateStore:
    """Raises StoreError when the database does not answer."""

    def __init__(self, url: str, timeout_seconds: float = 1.0) -> None:
        self._database = SmallStore(url, "rates", timeout_seconds, lock=RATES_LOCK)
        self._swept = 0.0

    def exchange(self, spent: Mapping[str, Spent]) -> dict[str, float]:
        """Pay for what was let through; what is left of these keys. Those that spent nothing are told only where
        somebody paid for them lately."""
        paying = {name for name, one in spent.items() if one.requests > 0}
        database = self._database
        with database.writing() if paying or not database.made else database.reading() as connection:
            return self._exchanged(connection, spent, sorted(paying))

    def close(self) -> None:
        self._database.close()

    def _exchanged(self, connection: Connection, spent: Mapping[str, Spent], paying: Sequence[str]) -> dict[str, float]:
        now, levels = seconds_there(connection), {}
        which = or_(rate_buckets.c.at >= now - RECENT_SECONDS, rate_buckets.c.key_id.in_(paying))
        rows = {row.key_id: row for row in connection.execute(select(rate_buckets).where(which))}
        for name, one in spent.items():
            row = rows.get(name)
            if row is not None:
                levels[name] = paid(row.tokens, now - row.at, one)
            elif one.requests > 0:
                levels[name] = paid(depth(one.rate), 0.0, one)
        if paying:
            Statements(connection).run_each(_PAID, [(name, levels[name], now) for name in paying])
            self._sweep(connection, now)
        return levels

    def _sweep(self, connection: Connection, now: float) -> None:
        if abs(now - self._swept) > KEPT_SECONDS / 24:
            self._swept = now
            connection.execute(delete(rate_buckets).where(rate_buckets.c.at < now - KEPT_SECONDS))
