"""A filled ledger has sums by day that agree with its calls."""

from datetime import UTC, datetime

from eval.ledger_fill import fill_million
from router.log.store import LogStore
from router.spend.ledger_tables import balances, days
from router.spend.query import SpendAsk, spend


def test_sums_by_day_agree_with_the_calls(store: LogStore) -> None:
    since = datetime(2026, 11, 1, tzinfo=UTC)
    fill_million(store, since, 500)
    ask = SpendAsk(since, datetime(2026, 12, 1, tzinfo=UTC), ("tenant", "model"))
    with store.reading() as connection:
        by_days, by_calls = (
            spend(connection, ask),
            spend(connection, SpendAsk(ask.since, datetime(2026, 12, 1, 1, tzinfo=UTC), ask.by)),
        )
        assert by_days == by_calls and sum(row.calls for row in by_days) == 500
        assert connection.execute(days.select()).first() and not connection.execute(balances.select()).first()
