"""What was acknowledged before it was stored is stored in the end: by its process, by another, or after a crash."""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from router.cache.guarded import cached_decision
from router.cache.records import CacheLookup
from router.cache.store import StoredAnswer
from router.decisions import Decision, Outcome, new_decision_id
from router.errors import StoreError, UnknownDecisionError
from router.log import late
from router.log.store import LogStore
from router.prices import now
from router.requests import Request
from router.spend.late_booking import LateBooking
from router.spend.ledger_tables import calls
from router.spend.spending import Spending

REQUEST = Request.from_mapping({"prompt": "What is 2 + 2?", "user": "ann", "tags": {"team": "red"}, "feature": "chat"})
Open = Callable[..., LogStore]


@pytest.fixture
def open_log(tmp_path: Path) -> Iterator[Open]:
    """A store on one file, as a process opens it."""
    opened: list[LogStore] = []

    def build(**more: Any) -> LogStore:
        opened.append(LogStore(f"sqlite:///{tmp_path / 'log.db'}", late=LateBooking.from_dict, **more))
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
    return cached_decision(said, REQUEST, "v1", datetime(2026, 3, 1, 12, tzinfo=UTC))


def acknowledge(store: LogStore) -> str:
    decision = a_hit()
    assert store.append(decision, REQUEST, Spending().reserving(decision, REQUEST, lambda *given: None)).done()
    return decision.decision_id


def report(store: LogStore, decision_id: str) -> bool:
    return store.report(Outcome(decision_id, feedback="right"), lambda *given: None).result(5).repeated


def booked(store: LogStore) -> list[str]:
    with store.reading() as connection:
        return [row.call_id for row in connection.execute(calls.select())]


def spooled(tmp_path: Path) -> int:
    """Bytes of records in the spool's files, which are filled up with zeros."""
    return sum(len(path.read_bytes().rstrip(b"\0")) for path in tmp_path.glob("log.db-spool/*"))


@pytest.mark.usefixtures("held")
def test_who_reads_sees_what_was_acknowledged(open_log: Open, tmp_path: Path) -> None:
    store = open_log()
    known = acknowledge(store)
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
def test_a_report_finds_it_at_once_here_and_in_another_process(open_log: Open) -> None:
    one, other = open_log(), open_log()
    first, second = acknowledge(one), acknowledge(one)
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
    left = [acknowledge(killed) for _ in range(3)]
    killed._late._spool.close()  # type: ignore[union-attr]  # its lock goes as the system takes it from the dead
    after = open_log()
    assert (after.recover(), after.recover()) == (3, 0)
    assert sorted(booked(after)) == sorted(left)
    assert after.decision(left[0])["tags"] == {"team": "red", "feature": "chat"}


@pytest.mark.usefixtures("held")
def test_a_record_that_nobody_can_read_keeps_no_other_from_being_stored(open_log: Open, tmp_path: Path) -> None:
    strange, killed = open_log(), open_log()
    strange._late._spool.append(b'{"row": "of another version"}')  # type: ignore[union-attr]
    left = acknowledge(killed)
    for one in (strange, killed):
        one._late._spool.close()  # type: ignore[union-attr]
    after = open_log()
    with pytest.raises(StoreError, match="a killed process left"):
        after.recover()
    assert booked(after) == [left] and spooled(tmp_path) > 0


@pytest.mark.usefixtures("held")
def test_what_was_stored_before_the_kill_is_not_stored_twice(open_log: Open, tmp_path: Path) -> None:
    killed = open_log()
    known = acknowledge(killed)
    (file,) = tmp_path.glob("log.db-spool/*")
    shutil.copy(file, file.with_name("left.spool"))  # killed after the transaction, before the file was emptied
    killed.decision(known)
    after = open_log()
    assert (after.recover(), booked(after)) == (1, [known])


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
