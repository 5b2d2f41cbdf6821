"""What was acknowledged before it was stored is stored in the end: by its process, by another, or after a crash."""

import math
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from router.cache.guarded import cached_decision
from router.cache.records import CacheLookup
from router.cache.store import StoredAnswer
from router.decisions import Decision, Option, Outcome, new_decision_id
from router.errors import StoreError, UnknownDecisionError
from router.log import late
from router.log.store import LogStore
from router.prices import now
from router.requests import Request
from router.routes import Route
from router.spend import ledger
from router.spend.late_booking import LateBooking
from router.spend.ledger_books import imbalances
from router.spend.ledger_tables import calls
from router.spend.spending import Spending

ASKED = {"prompt": "What is 2 + 2?", "user": "ann", "tags": {"team": "red"}, "feature": "chat"}
REQUEST = Request.from_mapping(ASKED)
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPTION = Option(Route("gpt-4o", "low"), "standard", 0.9, 0.8, 0.95, 0.002, 200.0, 1024, math.inf, 0.004)
Open = Callable[..., LogStore]


@pytest.fixture
def open_log(tmp_path: Path) -> Iterator[Open]:
    """A store on one file, as a process opens it."""
    opened: list[LogStore] = []

    def build(**more: Any) -> LogStore:
        opened.append(LogStore(f"sqlite:///{tmp_path / 'log.db'}", late=LateBooking, **more))
        return opened[-1]

    yield build
    for one in opened:
        one.close()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is stored by itself."""
    monkeypatch.setattr(late, "DRAIN_SECONDS", 3600.0)


def a_hit() -> Decision:
    answer = StoredAnswer(1, "default", "p", "four", "gpt-4o|low", {}, {}, None, "d", 0.002, 0.0, 9.0)
    said = CacheLookup(new_decision_id(), "default", "hit", "same", "exact", answer, 1.0, "y", 0.0, 0.01, 0.02, 1.0)
    return cached_decision(said, REQUEST, "v1", AT)


def a_route(**more: Any) -> Decision:
    given = {"at": AT, "unlike": math.nan, **more}
    return Decision(new_decision_id(), "route", OPTION, (OPTION,), 0.05, 1.0, "v1", "it is worth it", {}, **given)


Made = Callable[[], Decision]


def acknowledge(store: LogStore, made: Made = a_hit) -> str:
    decision = made()
    assert store.append(decision, REQUEST, Spending().reserving(decision, REQUEST, lambda *given: None)).done()
    return decision.decision_id


def report(store: LogStore, decision_id: str) -> bool:
    return store.report(Outcome(decision_id, feedback="right"), lambda *given: None).result(5).repeated


def booked(store: LogStore) -> list[str]:
    with store.reading() as connection:
        assert imbalances(connection) == []
        return [row.call_id for row in connection.execute(calls.select())]


def kill(*stores: LogStore) -> None:
    """Nothing more is stored, and the locks go as the system takes them from the dead."""
    for one in stores:
        assert one._late is not None
        one._late._spool.close()
        one._late._out.clear()
        one._late._waiting.clear()


def spooled(tmp_path: Path) -> int:
    """Bytes of records in the spool's files, which are filled up with zeros."""
    return sum(len(path.read_bytes().rstrip(b"\0")) for path in tmp_path.glob("log.db-spool/*"))


@pytest.fixture(params=[a_hit, a_route], ids=["cached", "routed"])
def made(request: pytest.FixtureRequest) -> Made:
    return request.param


@pytest.mark.usefixtures("held")
def test_who_reads_sees_what_was_acknowledged(open_log: Open, tmp_path: Path, made: Made) -> None:
    store = open_log()
    known = acknowledge(store, made)
    assert store.decision(known)["route"] == "gpt-4o|low"
    assert spooled(tmp_path) == 0


def test_it_is_stored_by_itself_with_its_booking(open_log: Open, tmp_path: Path) -> None:
    store = open_log()
    known = acknowledge(store)
    deadline = time.monotonic() + 5
    while store.pending and time.monotonic() < deadline:
        time.sleep(0.005)
    assert (booked(store), spooled(tmp_path)) == ([known], 0)


@pytest.mark.usefixtures("held")
def test_a_report_finds_it_at_once_here_and_in_another_process(open_log: Open, made: Made) -> None:
    one, other = open_log(), open_log()
    first, second = acknowledge(one, made), acknowledge(one, made)
    assert (report(one, first), report(other, second)) == (False, False)
    assert (sorted(booked(one)), report(one, second)) == (sorted([first, second]), True)


@pytest.mark.usefixtures("held")
def test_a_report_on_what_nobody_decided_is_refused(open_log: Open) -> None:
    store = open_log()
    acknowledge(store)
    with pytest.raises(UnknownDecisionError):
        report(store, new_decision_id())


@pytest.mark.usefixtures("held")
def test_what_a_killed_process_left_is_stored_once(open_log: Open, tmp_path: Path) -> None:
    killed = open_log()
    left = [acknowledge(killed, one) for one in (a_hit, a_route, a_route)]
    kill(killed)
    after = open_log()
    assert (after.recover(), after.recover()) == (3, 0)
    assert sorted(booked(after)) == sorted(left)
    assert after.decision(left[0])["tags"] == {"team": "red", "feature": "chat"}


@pytest.mark.usefixtures("held")
def test_a_record_that_nobody_can_read_keeps_no_other_from_being_stored(open_log: Open, tmp_path: Path) -> None:
    strange, killed = open_log(), open_log()
    strange._late._spool.append(b'{"row": "of another version"}')  # type: ignore[union-attr]
    left = acknowledge(killed)
    kill(strange, killed)
    after = open_log()
    with pytest.raises(StoreError, match="a killed process left"):
        after.recover()
    assert booked(after) == [left] and spooled(tmp_path) > 0


@pytest.mark.usefixtures("held")
def test_what_was_stored_before_the_kill_is_not_stored_twice(open_log: Open, tmp_path: Path, made: Made) -> None:
    killed = open_log()
    known = acknowledge(killed, made)
    (file,) = tmp_path.glob("log.db-spool/*")
    shutil.copy(file, file.with_name("left.spool"))  # killed after the transaction, before the file was emptied
    killed.decision(known)
    after = open_log()
    assert (after.recover(), booked(after)) == (1, [known])


@pytest.mark.usefixtures("held")
def test_a_late_booking_is_not_made_anew_for_a_decision_that_has_left_the_log(open_log: Open, tmp_path: Path) -> None:
    killed = open_log()
    known = acknowledge(killed, a_route)
    (file,) = tmp_path.glob("log.db-spool/*")
    shutil.copy(file, file.with_name("left.spool"))
    assert booked(killed) == [known]
    killed.write(lambda connection: connection.exec_driver_sql("DELETE FROM decisions")).result(5)
    after = open_log()
    assert (after.recover(), booked(after)) == (1, [known])


@pytest.mark.usefixtures("held")
def test_who_reads_waits_for_nothing_that_came_later(open_log: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_log()
    acknowledge(store, a_route)
    drain = late.LateLog._drain

    def then_another(self: late.LateLog) -> bool:
        done = drain(self)
        acknowledge(store, a_route)
        return done

    monkeypatch.setattr(late.LateLog, "_drain", then_another)
    store._late.settle(30.0)  # type: ignore[union-attr]
    assert store.pending == 1
    monkeypatch.undo()


@pytest.mark.usefixtures("held")
def test_what_was_left_behind_too_long_expires_like_any_other(open_log: Open) -> None:
    killed = open_log()
    known = acknowledge(killed, a_route)
    kill(killed)
    after = open_log()
    after.recover()
    later = ledger.milliseconds(AT + timedelta(days=3))
    assert after.write(lambda connection: ledger.expire(connection, later)).result(5) == 1
    assert booked(after) == [known]


@pytest.mark.usefixtures("held")
def test_two_decisions_of_one_name_are_not_both_acknowledged(open_log: Open) -> None:
    store, decision = open_log(), a_route()
    assert store.append(decision, REQUEST, Spending().reserving(decision, REQUEST, lambda *given: None)).done()
    second = store.append(decision, REQUEST, Spending().reserving(decision, REQUEST, lambda *given: None))
    assert second.result(5).standings == ()  # in the transaction, which is the one that counts
    assert booked(store) == [decision.decision_id]


def test_so_much_may_wait_and_what_comes_then_is_stored_first(open_log: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late, "DRAIN_SECONDS", 3600.0)
    monkeypatch.setattr(late, "MOST", 2)
    store = open_log()
    waiting = [acknowledge(store, a_route) for _ in range(2)]
    decision = a_route()
    store.append(decision, REQUEST, Spending().reserving(decision, REQUEST, lambda *given: None)).result(5)
    assert store.pending == 2
    assert sorted(booked(store)) == sorted([*waiting, decision.decision_id])


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("option", [replace(OPTION, upper_usd=1e5), replace(OPTION, p_low=np.float64(0.5))])
def test_what_the_store_might_refuse_is_stored_first(open_log: Open, option: Option) -> None:
    store, decision = open_log(), replace(a_route(), chosen=option)
    written = store.append(decision, REQUEST, Spending().reserving(decision, REQUEST, lambda *given: None))
    if option.upper_usd > 1:
        written.result(5)
    else:
        with pytest.raises(StoreError):  # and is not acknowledged
            written.result(5)
    assert store._late is not None and store._late.pending == 0


_KILLED = """
import os, signal, sys
from router.log import late
from tests.router.log.test_late import LateBooking, LogStore, a_hit, a_route, acknowledge
late.DRAIN_SECONDS = 3600.0 if sys.argv[2] == "held" else 0.001
store = LogStore(sys.argv[1], late=LateBooking)
for turn in range(300):
    print(acknowledge(store, a_hit if turn % 3 == 0 else a_route), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.real
@pytest.mark.parametrize("how", ["held", "draining"])
def test_what_a_process_acknowledged_outlives_its_kill(open_log: Open, tmp_path: Path, how: str) -> None:
    command = [sys.executable, "-c", _KILLED, f"sqlite:///{tmp_path / 'log.db'}", how]
    killed = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    left = killed.stdout.split()
    after = open_log()
    assert after.recover() == 300 or how == "draining"
    assert (len(left), sorted(booked(after)), spooled(tmp_path)) == (300, sorted(left), 0)


def test_a_locked_store_takes_it_later(open_log: Open, tmp_path: Path) -> None:
    store = open_log(timeout_seconds=0.1)
    store.probe().result(5)
    with closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        known = acknowledge(store)
        time.sleep(0.3)
        assert spooled(tmp_path) > 0
        other.execute("ROLLBACK")
    deadline = time.monotonic() + 5
    while store.pending and time.monotonic() < deadline:
        time.sleep(0.01)
    assert booked(store) == [known]


def test_a_full_disk_lets_it_be_stored_first(open_log: Open, tmp_path: Path) -> None:
    store, decision = open_log(), a_hit()
    with patch("router.log.spool.os.write", side_effect=OSError(28, "No space left on device")):
        reserve = Spending().reserving(decision, REQUEST, lambda *given: None)
        store.append(decision, REQUEST, reserve).result(5)
    assert (booked(store), spooled(tmp_path)) == ([decision.decision_id], 0)


def test_it_is_stored_first_where_it_must_outlive_a_power_cut(open_log: Open, tmp_path: Path) -> None:
    store, decision = open_log(fsync=True), a_hit()
    store.append(decision, REQUEST, Spending().reserving(decision, REQUEST, lambda *given: None)).result(5)
    assert not list(tmp_path.glob("log.db-spool*")) and booked(store) == [decision.decision_id]


def test_a_closed_store_leaves_nothing_behind(open_log: Open, tmp_path: Path) -> None:
    store = open_log()
    known = acknowledge(store)
    store.close()
    assert list((tmp_path / "log.db-spool").iterdir()) == []
    assert open_log().decision(known)["at"] < now()


def test_forgetting_waits_for_what_a_living_process_has_acknowledged(open_log: Open, tmp_path: Path) -> None:
    one, other = open_log(), open_log()
    known = acknowledge(one)
    other.settle_everywhere()
    assert (booked(other), spooled(tmp_path)) == ([known], 0)
