"""Overdue reservations are released while the service runs, and a store that is away ends nothing."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from router.events import ReservationsExpired
from router.log.store import LogStore
from router.settings import Settings
from router.spend import ledger
from router.spend.budgets import Estimate
from router.spend.ledger import NewCall
from router.spend.ownership import Owner
from router.spend.spending import Spending
from service.chores import Chores


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not done() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert done()


def test_overdue_reservations_are_released(store: LogStore) -> None:
    at = datetime.now(UTC) - timedelta(minutes=1)
    call = NewCall("a", at, Owner("acme"), "m", "none", "economy", Estimate(1, 2, 3))
    store.write(lambda c: ledger.reserve(c, call, (), 1.0)).result(5)
    told: list[object] = []
    chores = Chores(store, Spending(), [told.append], Settings(expire_every_seconds=0.01, alert_every_seconds=0.01))
    chores.start()
    until(lambda: told == [ReservationsExpired(1)])
    chores.stop()


def test_what_killed_processes_were_about_to_store_is_not_left_to_the_next_start(
    store: LogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken_up: list[bool] = []
    monkeypatch.setattr("service.chores.ADOPT_SECONDS", 0.01)
    monkeypatch.setattr(store, "recover", lambda: taken_up.append(True))
    chores = Chores(store, Spending(), [], Settings())
    chores.start()
    until(lambda: bool(taken_up))
    chores.stop()


def test_a_store_that_is_away_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = LogStore(f"sqlite:///{tmp_path}/file/log.db", timeout_seconds=0.05)
    chores = Chores(store, Spending(), [], Settings(expire_every_seconds=0.01, alert_every_seconds=0.01))
    chores.start()
    time.sleep(0.2)
    assert chores._thread.is_alive()
    chores.stop()
    store.close()
