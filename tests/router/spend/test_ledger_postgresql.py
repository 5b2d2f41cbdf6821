"""The ledger on PostgreSQL: the same verbs, the same books, two writers at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from router.errors import BudgetExceededError
from router.log.store import LogStore
from router.spend import alert_log, ledger
from router.spend.alert_rules import Alert
from router.spend.budgets import Budget, Estimate, applying
from router.spend.ledger import NewCall, Settlement
from router.spend.ledger_books import imbalances
from router.spend.ledger_tables import balances
from router.spend.ownership import Owner
from router.spend.prefix_advice import read_prefix_sums
from router.spend.prefix_cache import Turn
from router.spend.query import SpendAsk, spend
from router.spend.watch import SpendWatch

pytest.importorskip("psycopg", reason="tierwise[postgresql] is not installed")
pytestmark = pytest.mark.real
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def stores(postgresql_url: str) -> Iterator[list[LogStore]]:
    made = [LogStore(postgresql_url, timeout_seconds=10) for _ in range(2)]
    yield made
    for store in made:
        store.close()


def call(call_id: str, at: datetime = AT) -> NewCall:
    owner = Owner("acme", "ann", feature="chat", tags={"team": "red"})
    return NewCall(call_id, at, owner, "m", "none", "economy", Estimate(10**9, 2 * 10**9, 3 * 10**9), session="s")


def test_two_writers_never_overspend_a_strict_budget(stores: list[LogStore]) -> None:
    budget = Budget("race", {"tenant": "*"}, "day", Decimal("0.06"), "hard", strict=True)

    def spend_one(number: int) -> bool:
        one, store = call(f"r{number}"), stores[number % 2]
        bound = applying([budget], one.owner, one.task_id, AT)
        try:
            store.write(lambda c: ledger.reserve(c, one, bound, 900)).result(30)
        except BudgetExceededError:
            return False
        store.write(lambda c: ledger.settle(c, one.call_id, Settlement(2 * 10**9), AT)).result(30)
        return True

    with ThreadPoolExecutor(16) as pool:
        granted = sum(pool.map(spend_one, range(200)))
    with stores[0].reading() as connection:
        assert imbalances(connection) == []
        row = connection.execute(select(balances)).mappings().one()
    assert (row["spent"], row["held"], row["open"]) == (granted * 2 * 10**9, 0, 0)
    assert 20 <= granted <= 30


def test_reports_alerts_and_expiry_read_the_same_tables(stores: list[LogStore]) -> None:
    later, store = AT + timedelta(days=30), stores[0]
    for number in range(3):
        one = NewCall(**{**vars(call(f"q{number}", later)), "prefix": Turn("kept", 0.5)})
        store.write(lambda c, one=one: ledger.reserve(c, one, (), 1)).result(10)
    facts = {"input_tokens": 100, "output_tokens": 5, "cached_input_tokens": 40, "resolved": 1, "correct": 1.0}
    store.write(lambda c: ledger.settle(c, "q0", Settlement(7, facts=facts), later)).result(10)
    cause = {"kind": "retry", "model": "m", "effort": "none", "provider": None}
    store.write(lambda c: ledger.add_caused(c, ledger.call_of(c, "q0") or {}, "q0:1", cause, Settlement(3))).result(10)
    now_ms = ledger.milliseconds(later + timedelta(minutes=1))
    assert store.write(lambda c: ledger.expire(c, now_ms)).result(10) == 2
    ask = SpendAsk(later - timedelta(hours=12), later + timedelta(days=1))
    with store.reading() as connection:
        assert imbalances(connection) == []
        for by in (("tenant",), ("tags.team", "hour"), ("user", "state")):
            rows = spend(connection, SpendAsk(ask.since, ask.until, by, units=True))
            assert sum(row.spent for row in rows) == 10
        assert read_prefix_sums(connection, ask)["acme", "m"]["kept"].reusable == 50.0
        watch = SpendWatch()
        end = watch.read(connection, later + timedelta(minutes=5))
        assert watch.series.last(("retries", ""), end, 12) == 1
    alert = Alert("day-spend", "all", later, "much", {"usd": 1.0})
    told = [store.write(lambda c: alert_log.announce(c, alert, timedelta(hours=1))).result(10) for _ in range(2)]
    assert told == [True, False]
