"""A booking that is written down, read again and made late books what its own transaction would have."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from router.decisions import Decision
from router.exploration import ExploreLimits, Explorer
from router.log import late
from router.log.store import LogStore
from router.log.tables import decisions
from router.outcomes import Pricer
from router.policy import Policy
from router.prices import PriceBook
from router.requests import Request
from router.safe_route import SafeRoute
from router.spend.budgets import Budget, Estimate
from router.spend.late_booking import LateBooking
from router.spend.ledger import NewCall
from router.spend.ledger_tables import calls, days, entries
from router.spend.ownership import Owner
from router.spend.prefix_cache import Turn
from router.spend.spending import Spending
from router.spend.spending_file import SpendingRules

CALL = NewCall(
    call_id="one",
    at=datetime(2026, 3, 1, 12, 30, 1, 250, tzinfo=UTC),
    owner=Owner("acme", "ann", feature="chat", tags={"team": "red"}),
    model="gpt-4o",
    effort="low",
    tier="cached",
    estimate=Estimate(1, 2, 3),
    kind="cache",
    saved_cache=2_000_000_001,
)
HELD = replace(CALL, kind="call", prefix=Turn("kept", 0.25), strongest=5, same_model=4)
PRICE: Pricer = PriceBook().usd


@pytest.mark.parametrize("booking", [LateBooking(CALL), LateBooking(HELD, 900.0)])
def test_written_and_read_it_is_the_same(booking: LateBooking) -> None:
    read = LateBooking.from_dict(orjson.loads(orjson.dumps(booking.to_dict())))
    assert read == booking and read.result == booking.result


def test_what_the_version_before_left_behind_is_read() -> None:
    left = LateBooking(CALL).to_dict()
    del left["seconds"]
    assert LateBooking.from_dict(left) == LateBooking(CALL)


def asked(policy: Policy, safe: SafeRoute) -> Iterator[tuple[Decision, Request]]:
    """Decisions of every kind, of which none is refused: routed, explored, in a session, and by the safe route."""
    vector, explorer = np.zeros(64, np.float32), Explorer(ExploreLimits(epsilon=0.9, daily_usd=9.0, daily_wrong=99.0))
    for turn in range(8):
        body: dict[str, Any] = {"prompt": f"What is {turn} + 2?", "tenant": "acme", "tags": {"team": "red"}}
        body |= {"feature": "chat", "user": "ann"} if turn % 2 else {"session": "s", "task_id": "t"}
        request = Request.from_mapping(body)
        if turn % 4 == 3:
            yield safe.decision(request, "no-policy", CALL.at), request
        else:
            yield explorer(policy.decide(request, vector, CALL.at), request, policy, False), request


def rows(store: LogStore) -> list[list[dict[str, Any]]]:
    """What is kept, without the numbers that the journal gives its lines."""
    found = []
    with store.reading() as connection:
        for table in (decisions, calls, entries, days):
            kept = [dict(one) for one in connection.execute(table.select()).mappings()]
            found.append(sorted([{**one, "entry_id": 0} for one in kept], key=repr))
    return found


def test_many_made_late_keep_what_each_own_transaction_would(
    tmp_path: Path, tiny_policy: Policy, safe: SafeRoute, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late, "DRAIN_SECONDS", 3600.0)
    one, other, after = (f"sqlite:///{tmp_path}/{name}.db" for name in ("one", "other", "after"))
    spendings = Spending(), Spending()
    with closing(LogStore(one, late=LateBooking)) as first, closing(LogStore(other)) as second:
        for decision, request in asked(tiny_policy, safe):
            for store, spending in zip((first, second), spendings):
                written = store.append(decision, request, spending.reserving(decision, request, PRICE))
                assert written.done() or store is second
                written.result(5)
        shutil.copytree(tmp_path / "one.db-spool", tmp_path / "after.db-spool")  # as a killed process leaves it
        with closing(LogStore(after, late=LateBooking)) as third:
            assert third.recover() == 8
            assert rows(first) == rows(second) == rows(third)
        assert {one["prefix"] for one in rows(first)[1]} == {None, "first", "volatile"}


def test_a_budget_that_binds_keeps_it_in_the_transaction(tiny_policy: Policy, safe: SafeRoute) -> None:
    other = Budget("b", {"tenant": "other"}, "day", Decimal(1), "hard")
    rules = SpendingRules(budgets=(other, replace(other, scope={"task_id": "t"})))
    spending, kinds = Spending(lambda: rules), []
    for decision, request in list(asked(tiny_policy, safe))[:2]:  # the first one belongs to the task
        kinds.append(isinstance(spending.reserving(decision, request, PRICE), LateBooking))
    assert kinds == [False, True]
