"""Sums are exact, by any dimension, and the same from sums by day as from the calls."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from router.errors import InputError
from router.log.store import LogStore
from router.spend import ledger
from router.spend.budgets import Estimate
from router.spend.ledger import NewCall, Settlement
from router.spend.ownership import Owner
from router.spend.query import SpendAsk, SpendRow, month_of, spend, totals

START = datetime(2026, 3, 1, tzinfo=UTC)
MONTH = SpendAsk(START, datetime(2026, 4, 1, tzinfo=UTC))


@pytest.fixture
def filled(store: LogStore) -> LogStore:
    """Eight settled calls of two tenants over eight days, a retry, a cached answer, one still out, one in April."""

    def fill(connection: Any) -> None:
        for i in range(8):
            owner = Owner(f"t{i % 2}", f"u{i % 3}", feature="chat" if i % 4 else None, task_id=f"task{i // 2}")
            call = NewCall(
                str(i),
                START + timedelta(days=i),
                replace(owner, tags={"team": "red"} if i < 4 else {}),
                "m",
                "none",
                "economy",
                Estimate(100, 200, 400),
                strongest=300,
                same_model=150,
            )
            ledger.reserve(connection, call, (), 60)
            facts = {"input_tokens": 10, "output_tokens": 1, "correct": 1.0, "resolved": i % 2}
            ledger.settle(connection, str(i), Settlement(100 + i, facts=facts), START)
        cause = ledger.call_of(connection, "3")
        retry = {"kind": "retry", "model": "m2", "effort": "none", "provider": None}
        ledger.add_caused(connection, cause or {}, "3:r", retry, Settlement(7, failed=True))
        hit = NewCall(
            "hit", START, Owner("t0"), "m", "none", "economy", Estimate(0, 0, 0), kind="cache", saved_cache=50
        )
        ledger.add(connection, hit, Settlement(0), ())
        ledger.reserve(
            connection, NewCall("out", START, Owner("t0"), "m", "none", "economy", Estimate(5, 9, 20)), (), 60
        )
        april = NewCall("april", START + timedelta(days=40), Owner("t0"), "m", "none", "economy", Estimate(1, 1, 1))
        ledger.add(connection, april, Settlement(10**6), ())

    store.write(fill).result(10)
    return store


def asked(store: LogStore, *by: str, ask: SpendAsk = MONTH, **more: Any) -> dict[tuple[str | None, ...], SpendRow]:
    with store.reading() as connection:
        return {row.names: row for row in spend(connection, replace(ask, by=by, **more))}


def test_a_month_by_tenant(filled: LogStore) -> None:
    found = asked(filled, "tenant")
    one, two = found["t0",], found["t1",]
    assert (one.spent, two.spent) == (100 + 102 + 104 + 106, 101 + 103 + 105 + 107 + 7)
    assert (one.calls, one.cache_hits, one.held, one.saved_cache) == (6, 1, 9, 50)
    assert (two.caused, two.caused_calls, two.failed) == (7, 1, 1)
    assert (two.counterfactual, two.same_model, two.expected, two.decided_spent) == (1200, 600, 400, 416)


@pytest.mark.parametrize("by", [("tenant",), ("model", "kind"), ("feature",), ("day",), ("month", "tier"), ()])
def test_sums_by_day_and_the_calls_themselves_agree(filled: LogStore, by: tuple[str, ...]) -> None:
    """A period that begins a millisecond early cannot be answered from sums by day."""
    early = replace(MONTH, since=START - timedelta(milliseconds=1))
    assert asked(filled, *by) == asked(filled, *by, ask=early)


def test_users_tags_and_tasks_are_read_from_the_calls(filled: LogStore) -> None:
    assert {names: row.calls for names, row in asked(filled, "tags.team").items()} == {("red",): 5, (None,): 6}
    assert set(asked(filled, "user")) == {("u0",), ("u1",), ("u2",), (None,)}
    whole = asked(filled, units=True)[()]
    assert (whole.tasks, whole.tasks_judged, whole.tasks_resolved, whole.users) == (6, 4, 4, 3)


def test_conditions_narrow_what_is_summed(filled: LogStore) -> None:
    assert asked(filled, where={"tenant": "t1", "tags.team": "red"})[()].spent == 101 + 103 + 7


def test_days_and_hours_are_named_in_utc(filled: LogStore) -> None:
    assert ("2026-03-02",) in asked(filled, "day")
    assert ("2026-03-02T00:00Z",) in asked(filled, "hour")
    assert set(asked(filled, "month", ask=replace(MONTH, until=datetime(2026, 5, 1, tzinfo=UTC)))) == {
        ("2026-03",),
        ("2026-04",),
    }


def test_sums_beyond_sixty_four_bits_are_exact(store: LogStore) -> None:
    def fill(connection: Any) -> None:
        for i in range(3):
            call = NewCall(str(i), START, Owner("t"), "m", "none", "economy", Estimate(0, 0, 0))
            ledger.add(connection, replace(call, owner=Owner(f"t{i}")), Settlement(9 * 10**18 - i), ())

    store.write(fill).result(10)
    assert asked(store)[()].spent == 27 * 10**18 - 3
    assert totals(list(asked(store, "tenant").values())).spent == 27 * 10**18 - 3


def test_an_empty_ledger_has_no_groups(store: LogStore) -> None:
    store.probe().result(5)
    assert asked(store, "tenant") == {}


@pytest.mark.parametrize(
    "change, field",
    [
        ({"by": ("colour",)}, "by"),
        ({"by": ("tags.",)}, "by"),
        ({"by": ("tenant", "tenant")}, "by"),
        ({"where": {"day": "x"}}, "where"),
        ({"until": START}, "until"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as refused:
        replace(MONTH, **change)
    assert refused.value.field == field


def test_a_month_is_a_calendar_month() -> None:
    assert month_of(datetime(2026, 2, 28, 23, tzinfo=UTC))[1] == START
