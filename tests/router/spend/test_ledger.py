"""Money is conserved, whatever happens in whatever order, and no limit is passed unseen."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from router.errors import BudgetExceededError, PriceCeilingError
from router.log.store import LogStore
from router.money import to_pico
from router.spend import ledger
from router.spend.admission import Charged
from router.spend.budgets import Budget, Estimate, applying
from router.spend.ledger import NewCall, Settlement
from router.spend.ledger_books import imbalances
from router.spend.ledger_tables import balances
from router.spend.ownership import Owner

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
CENT = to_pico("0.01")
Write = Callable[[Callable[[Connection], object]], object]


@pytest.fixture
def write(store: LogStore) -> Write:
    return lambda work: store.write(work).result(10)


def call(
    call_id: str, cents: float = 1, upper: float | None = None, tenant: str = "acme", at: datetime = AT
) -> NewCall:
    expected, high = round(cents * CENT), round((upper or cents) * CENT)
    return NewCall(call_id, at, Owner(tenant), "m", "none", "economy", Estimate(expected, high, 2 * high))


def budget(limit: str | None, mode: str = "hard", **more: object) -> Budget:
    given = {"scope": {"tenant": "*"}, "period": "day", **more}
    return Budget("b", limit_usd=Decimal(limit) if limit else None, mode=mode, **given)  # type: ignore[arg-type]


def reserving(one: NewCall, *budgets: Budget, throttled: bool = False) -> Callable[[Connection], Charged]:
    bound = applying(budgets, one.owner, one.task_id, one.at)
    return lambda connection: ledger.reserve(connection, one, bound, 60, throttled)


def balance(store: LogStore) -> dict[str, int]:
    with store.reading() as connection:
        row = connection.execute(select(balances)).mappings().one()
    return {name: row[name] for name in ("spent", "held", "expected", "open", "calls")}


def test_a_reservation_is_held_and_its_settlement_releases_it(store: LogStore, write: Write) -> None:
    write(reserving(call("a", 1, 3), budget("1")))
    assert balance(store) == {"spent": 0, "held": 3 * CENT, "expected": CENT, "open": 1, "calls": 1}
    write(lambda c: ledger.settle(c, "a", Settlement(2 * CENT), AT))
    assert balance(store) == {"spent": 2 * CENT, "held": 0, "expected": 0, "open": 0, "calls": 1}


def test_a_later_report_corrects_the_cost_without_releasing_twice(store: LogStore, write: Write) -> None:
    write(reserving(call("a"), budget("1")))
    for spent in (2 * CENT, 5 * CENT, CENT):
        write(lambda c, spent=spent: ledger.settle(c, "a", Settlement(spent), AT))
    assert balance(store) == {"spent": CENT, "held": 0, "expected": 0, "open": 0, "calls": 1}


def test_a_hard_budget_refuses_what_does_not_fit_and_says_when_it_resets(store: LogStore, write: Write) -> None:
    limit = budget("0.025")
    write(reserving(call("a"), limit))
    write(reserving(call("b"), limit))
    with pytest.raises(BudgetExceededError, match=r"'b' has no room: 0\.02 USD of 0\.025 USD") as refused:
        write(reserving(call("c"), limit))
    assert refused.value.resets_at == datetime(2026, 3, 2, tzinfo=UTC)
    assert balance(store)["calls"] == 2
    write(reserving(call("d", tenant="other"), limit))
    write(reserving(call("e", at=AT + timedelta(days=1)), limit))


def test_a_step_cap_stops_a_task(write: Write) -> None:
    steps = budget(None, max_calls=2, period="task", scope={})
    owner = Owner("acme", task_id="ticket 7")
    for i in range(2):
        write(reserving(NewCall(str(i), AT, owner, "m", "none", "economy", Estimate(0, 0, 0)), steps))
    with pytest.raises(BudgetExceededError, match="2 calls of 2 calls"):
        write(reserving(NewCall("3", AT, owner, "m", "none", "economy", Estimate(0, 0, 0)), steps))


def test_calls_that_are_out_together_do_not_each_hold_their_worst_case(write: Write) -> None:
    """25 calls of 1 ± 2 cents: 25 cents, twice five times 2 cents, and 4 for the one that asks; not 75 cents."""
    limit = budget("0.49")
    for i in range(25):
        write(reserving(call(str(i), 1, 3), limit))
    with pytest.raises(BudgetExceededError):
        write(reserving(call("one more", 1, 3), limit))


def test_a_strict_budget_holds_every_calls_cap(store: LogStore, write: Write) -> None:
    strict = budget("0.13", strict=True)
    for i in range(2):
        write(reserving(call(str(i), 1, 3), strict))
    with pytest.raises(BudgetExceededError):
        write(reserving(call("third", 1, 3), strict))
    assert balance(store)["held"] == 12 * CENT


def test_a_throttling_budget_asks_for_a_cheaper_route_and_never_refuses_it(write: Write) -> None:
    """At noon two calls have spent one of two cents: two more are to be expected, so one may cost half a cent."""
    limit = budget("0.02", mode="throttle", throttle_at=0.4)
    for i in range(2):
        write(reserving(call(str(i), 0.5), limit))
    with pytest.raises(PriceCeilingError) as asked:
        write(reserving(call("dear", 0.6), limit))
    assert asked.value.ceiling_usd == Decimal("0.005")
    write(reserving(call("cheap", 0.5), limit))
    for i in range(5):
        write(reserving(call(f"cheapest {i}", 1), limit, throttled=True))


def test_each_alert_share_is_crossed_once(write: Write) -> None:
    soft = budget("0.04", mode="soft", alert_at=(0.5, 1.0))
    crossed = [write(reserving(call(str(i)), soft)).crossed for i in range(5)]
    assert [[share for _, share in one] for one in crossed] == [[], [0.5], [], [1.0], []]


@pytest.mark.parametrize("charge", [False, True])
def test_what_never_reports_is_released_in_time_and_settled_if_it_reports_after_all(
    store: LogStore, write: Write, charge: bool
) -> None:
    write(reserving(call("a", 1, 3), budget("1")))
    early, late = (ledger.milliseconds(AT + timedelta(seconds=seconds)) for seconds in (59, 61))
    assert [write(lambda c, now=now: ledger.expire(c, now, charge)) for now in (early, late, late)] == [0, 1, 0]
    assert balance(store) == {"spent": CENT * charge, "held": 0, "expected": 0, "open": 0, "calls": 1}
    write(lambda c: ledger.settle(c, "a", Settlement(4 * CENT), AT))
    assert balance(store)["spent"] == 4 * CENT


def test_a_full_budget_frees_what_is_overdue_before_it_refuses(write: Write) -> None:
    limit = budget("0.01")
    write(reserving(call("a"), limit))
    write(reserving(call("b", at=AT + timedelta(minutes=2)), limit))


def test_a_call_that_was_made_without_asking_is_booked_once(store: LogStore, write: Write) -> None:
    judge = call("judge 1")
    bound = applying([budget("0.001")], judge.owner, judge.task_id, AT)
    booked = [write(lambda c: ledger.add(c, judge, Settlement(CENT), bound)) for _ in range(2)]
    assert booked == [True, False]
    assert balance(store) == {"spent": CENT, "held": 0, "expected": 0, "open": 0, "calls": 1}


STEPS = st.one_of(
    st.tuples(st.just("reserve"), st.integers(0, 9), st.integers(0, 10**11), st.integers(0, 10**11)),
    st.tuples(st.just("settle"), st.integers(0, 9), st.none() | st.integers(0, 10**11), st.booleans()),
    st.tuples(st.just("caused"), st.integers(0, 9), st.integers(0, 10**11), st.integers(0, 2)),
    st.tuples(st.just("expire"), st.integers(0, 120), st.booleans(), st.none()),
    st.tuples(st.just("add"), st.integers(10, 15), st.integers(0, 10**11), st.none()),
    st.tuples(st.just("crash"), st.integers(0, 9), st.integers(0, 10**11), st.none()),
)
BUDGETS = (
    budget("0.3"),
    Budget("s", {"tenant": "*"}, "month", Decimal("0.5"), "hard", strict=True),
    Budget("t", {}, "total", Decimal("0.2"), "throttle"),
)


class CrashError(Exception):
    """The process dies in the middle of a transaction."""


def take(connection: Connection, step: tuple, minute: int) -> None:
    kind, who, amount, more = step
    at = AT + timedelta(seconds=who % 7 + minute)
    one = NewCall(str(who), at, Owner(f"t{who % 2}"), "m", "none", "economy", Estimate(0, 0, 0))
    bound = applying(BUDGETS, one.owner, one.task_id, at)
    if kind == "settle":
        ledger.settle(connection, str(who), Settlement(amount, failed=more), at)
    elif kind == "caused":
        cause = ledger.call_of(connection, str(who))
        if cause:
            facts = {"kind": "retry", "model": "m", "effort": "none", "provider": None}
            ledger.add_caused(connection, cause, f"{who}:{more}", facts, Settlement(amount))
    elif kind == "expire":
        ledger.expire(connection, ledger.milliseconds(AT + timedelta(seconds=who)), bool(amount))
    elif kind == "add":
        ledger.add(connection, one, Settlement(amount), bound)
    elif ledger.call_of(connection, str(who)) is None:
        estimate = Estimate(amount, amount + (more or 0), 2 * (amount + (more or 0)))
        ledger.reserve(connection, NewCall(**{**vars(one), "estimate": estimate}), bound, 60, bool(who % 3))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[int]]]:
    yield tmp_path_factory.mktemp("ledger"), [0]


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_the_books_balance_after_any_history_with_refusals_and_crashes(
    shared: tuple[Path, list[int]], history: list[tuple]
) -> None:
    folder, count = shared
    count[0] += 1
    store = LogStore(f"sqlite:///{folder}/{count[0]}.db")
    engine = store._engine.execution_options(writes=True)
    store.probe().result(10)
    with engine.connect() as connection:
        for minute, step in enumerate(history):
            try:
                with connection.begin():
                    take(connection, step, minute)
                    if step[0] == "crash":
                        raise CrashError
            except (CrashError, BudgetExceededError, PriceCeilingError):
                pass
        with connection.begin():
            assert imbalances(connection) == []
            for row in connection.execute(select(balances)).mappings():
                assert min(row["held"], row["expected"], row["open"]) >= 0
            ledger.expire(connection, ledger.milliseconds(AT + timedelta(days=1)))
            assert {row["held"] for row in connection.execute(select(balances)).mappings()} <= {0}
            assert imbalances(connection) == []
    store.close()


def test_a_damaged_book_is_noticed(store: LogStore, write: Write) -> None:
    write(reserving(call("a"), budget("1")))
    write(lambda c: c.exec_driver_sql("UPDATE ledger_balances SET spent = spent + 1"))
    write(lambda c: c.exec_driver_sql("UPDATE ledger_calls SET held = held + 1"))
    with store.reading() as connection:
        assert [problem.split()[0] for problem in imbalances(connection)] == ["call", "budget", "day"]


def test_a_clock_that_steps_loses_no_money_and_holds_none_for_ever(store: LogStore, write: Write) -> None:
    """Forward: what is out is released, and its report settles it all the same. Back: what was held until a far future
    is released too."""
    limit, later = budget("1", period="total"), AT + timedelta(days=400)
    write(reserving(call("before"), limit))
    assert write(lambda c: ledger.expire(c, ledger.milliseconds(later))) == 1
    write(reserving(call("ahead", at=later), limit))
    assert write(lambda c: ledger.expire(c, ledger.milliseconds(AT))) == 1
    for call_id in ("before", "ahead"):
        write(lambda c, call_id=call_id: ledger.settle(c, call_id, Settlement(2 * CENT), AT))
    assert balance(store) == {"spent": 4 * CENT, "held": 0, "expected": 0, "open": 0, "calls": 2}
    with store.reading() as connection:
        assert imbalances(connection) == []
