"""The series follows the ledger: late settlements replace estimates."""

from datetime import UTC, datetime, timedelta

from router.log.store import LogStore
from router.spend import ledger
from router.spend.budgets import Estimate
from router.spend.ledger import NewCall, Settlement
from router.spend.ownership import Owner
from router.spend.watch import SpendWatch

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_call_counts_with_its_estimate_until_it_is_settled(store: LogStore) -> None:
    call = NewCall("a", AT, Owner("acme"), "m", "none", "economy", Estimate(2 * 10**12, 3 * 10**12, 3 * 10**12))
    store.write(lambda c: ledger.reserve(c, call, (), 60)).result(5)
    watch, usd = SpendWatch(), []
    for minutes, spent in ((5, None), (10, 7 * 10**12), (15, 7 * 10**12)):
        if spent is not None:
            store.write(lambda c, spent=spent: ledger.settle(c, "a", Settlement(spent), AT)).result(5)
        with store.reading() as connection:
            end = watch.read(connection, AT + timedelta(minutes=minutes))
        usd.append(watch.series.last(("tenant_usd", "acme"), end, 6))
    assert usd == [2.0, 7.0, 7.0]
    assert watch.series.last(("tier_calls", "economy"), end, 6) == 1


def test_kinds_are_counted_apart(store: LogStore) -> None:
    for kind in ("cache", "retry", "judge"):
        one = NewCall(kind, AT, Owner("acme"), "m", "none", "economy", Estimate(0, 0, 0), kind=kind)  # type: ignore[arg-type]
        store.write(lambda c, one=one: ledger.add(c, one, Settlement(10**12), ())).result(5)
    watch = SpendWatch()
    with store.reading() as connection:
        end = watch.read(connection, AT + timedelta(minutes=5))
    found = {measure: watch.series.last((measure, ""), end, 1) for measure in ("usd", "hits", "retries", "calls")}
    assert found == {"usd": 3.0, "hits": 1.0, "retries": 1.0, "calls": 0.0}


def test_an_empty_ledger_is_quiet(store: LogStore) -> None:
    store.probe().result(5)
    watch = SpendWatch()
    with store.reading() as connection:
        watch.read(connection, AT)
    assert watch.series.names("tenant_usd") == []
