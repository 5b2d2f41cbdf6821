"""Fills the series that alerts look at from the ledger: the past once, then what may have changed since."""

from collections import defaultdict
from datetime import datetime

from sqlalchemy import Connection, case, func, select, text

from router.spend.ledger_tables import calls
from router.spend.series import BUCKET_SECONDS, KEPT, Key, SpendSeries

BUCKET_MS = BUCKET_SECONDS * 1000
LATE_BUCKETS = 6  # reports come late: the last half hour is read again


class SpendWatch:
    """A series that follows the ledger. A call that is still out counts with its estimate."""

    def __init__(self) -> None:
        self.series = SpendSeries()

    def read(self, connection: Connection, now: datetime) -> int:
        """Read what is new; the bucket that `now` is in, which is not over."""
        end = round(now.timestamp() * 1000) // BUCKET_MS
        newest = self.series.newest
        start = end - KEPT + 1 if newest is None else max(min(newest, end) - LATE_BUCKETS, end - KEPT + 1)
        found = _sums(connection, start, end)
        first = min(found, default=end) if newest is None else start
        for bucket in range(first, end):
            self.series.put(bucket, found.get(bucket, {}))
        return end


def _sums(connection: Connection, start: int, end: int) -> dict[int, dict[Key, float]]:
    bucket = (calls.c.at_ms // BUCKET_MS).label("bucket")
    amount = func.sum(case((calls.c.state == "settled", calls.c.spent), else_=calls.c.expected) / 1e12)
    asked = (
        select(bucket, calls.c.tenant, calls.c.tier, calls.c.kind, func.count(), amount)
        .where(calls.c.at_ms >= start * BUCKET_MS, calls.c.at_ms < end * BUCKET_MS)
        .group_by(text("bucket"), calls.c.tenant, calls.c.tier, calls.c.kind)
    )
    found: dict[int, dict[Key, float]] = defaultdict(lambda: defaultdict(float))
    for place, tenant, tier, kind, count, usd in connection.execute(asked):
        sums = found[place]
        sums["usd", ""] += float(usd)
        sums["tenant_usd", tenant] += float(usd)
        if kind == "cache":
            sums["hits", ""] += count
        elif kind == "retry":
            sums["retries", ""] += count
        elif kind == "call":
            sums["calls", ""] += count
            sums["tier_calls", tier] += count
    return found
