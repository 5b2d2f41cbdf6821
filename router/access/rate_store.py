"""The buckets that all processes share, in SQL. Knows how they are kept and paid from, not who asks.

Moments are the database's own, so that the clocks of machines need not agree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, or_, select
from sqlalchemy.exc import SQLAlchemyError

from router.access.tables import rate_buckets
from router.errors import StoreError
from router.log.database import RATES_LOCK, open_database, seconds_there
from router.log.driver_sql import Statements
from router.migrations.upgrade import prepare

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
        self._engine = open_database(url, timeout_seconds, fsync=False, lock=RATES_LOCK)
        self._made, self._swept = False, 0.0

    def exchange(self, spent: Mapping[str, Spent]) -> dict[str, float]:
        """Pay for what was let through; what is left of these keys. Those that spent nothing are told only where
        somebody paid for them lately."""
        paying = {name for name, one in spent.items() if one.requests > 0}
        try:
            with self._engine.execution_options(writes=bool(paying) or not self._made).begin() as connection:
                if not self._made:
                    prepare(connection)
                    self._made = True
                return self._exchanged(connection, spent, sorted(paying))
        except (SQLAlchemyError, OSError) as error:
            raise StoreError(f"the rates could not be shared: {type(error).__name__}") from error

    def close(self) -> None:
        self._engine.dispose()

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
