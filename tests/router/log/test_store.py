"""The log keeps what it acknowledges, once, whoever reports in whatever order."""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from router.decisions import Decision, Outcome
from router.errors import InputError, StoreAwayError, StoreError, UnknownDecisionError
from router.log.store import LogStore
from router.outcomes import facts, merge
from router.policy import Policy
from router.prices import PriceBook, Usage
from router.privacy.text_rule import TextRule
from router.requests import Request
from router.routes import Route

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
REQUEST = Request.from_prompt("What is 2 + 2?")


def price(route: Route, usage: Usage, at: datetime) -> Decimal | None:
    return PriceBook().usd(route, usage, at)


@pytest.fixture
def decision(tiny_policy: Policy) -> Decision:
    return tiny_policy.decide(REQUEST, np.zeros(64, np.float32), AT)


@pytest.fixture
def kept(store: LogStore, decision: Decision) -> str:
    store.append(decision, REQUEST).result(5)
    return decision.decision_id


def report(store: LogStore, decision_id: str, key: str | None = None, **said: object):
    return store.report(Outcome(decision_id, **said), price, key).result(5)


def test_a_decision_is_kept_with_its_alternatives_and_without_its_text(store: LogStore, decision: Decision) -> None:
    store.append(decision, REQUEST).result(5)
    row = store.decision(decision.decision_id)
    assert (row["route"], row["at"], row["text"]) == (decision.chosen.route.key, AT, None)
    assert [one["route"] for one in row["options"]] == ["gpt-4o|none", "gpt-4o-mini|none"]
    assert row["options"][0]["p_correct"] == decision.chosen.p_correct
    assert len(row["text_sha256"]) == 64


def test_text_is_kept_where_asked_for(store_url: str, decision: Decision) -> None:
    store = LogStore(store_url, keep_text=TextRule(everyone=True))
    store.append(decision, Request.from_prompt("with\x00nul")).result(5)
    assert store.decision(decision.decision_id)["text"] == "withnul"
    store.close()


def test_a_repeated_report_is_acknowledged_and_not_kept_twice(store: LogStore, kept: str) -> None:
    first, again = (report(store, kept, correct=1.0, input_tokens=10, output_tokens=5) for _ in range(2))
    assert (first.repeated, again.repeated) == (False, True)
    assert first.usd == again.usd == Decimal("0.000075")
    assert again.added_usd == 0
    assert store.counts() == (1, 1)


def test_a_key_makes_reports_the_same_and_other_content_under_it_is_refused(store: LogStore, kept: str) -> None:
    assert not report(store, kept, "k", correct=1.0).repeated
    assert report(store, kept, "k", correct=1.0).repeated
    with pytest.raises(InputError, match="Idempotency-Key: came before with another report"):
        report(store, kept, "k", correct=0.0)
    assert not report(store, kept, "another", correct=1.0).repeated


def test_partial_reports_add_up_and_are_priced_when_enough_is_known(store: LogStore, kept: str) -> None:
    assert report(store, kept, input_tokens=1_000_000).usd is None
    assert report(store, kept, output_tokens=1_000_000).usd == Decimal("12.5")
    assert report(store, kept, correct=0.0).added_usd == 0
    merged = store.outcome_of(kept)
    assert (merged.input_tokens, merged.output_tokens, merged.correct, merged.usd) == (10**6, 10**6, 0, Decimal("12.5"))


def test_billed_usd_wins_over_priced_and_loses_no_digit(store: LogStore, kept: str) -> None:
    report(store, kept, input_tokens=100, output_tokens=100)
    exact = Decimal("0.000000000000000123456789")
    assert report(store, kept, usd=exact).usd == exact
    assert store.outcome_of(kept).usd == exact


def test_usage_at_another_model_is_priced_there(store: LogStore, kept: str) -> None:
    taken = report(store, kept, model="gpt-4o-mini", input_tokens=1_000_000, output_tokens=0)
    assert taken.usd == Decimal("0.15")


def test_a_conflicting_report_is_kept_and_said_so(store: LogStore, kept: str) -> None:
    report(store, kept, correct=1.0)
    assert report(store, kept, correct=0.0).conflicts == {"correct": {"before": 1.0, "now": 0.0}}
    assert store.outcome_of(kept).correct == 0.0
    assert [one["said"] for one in store.reports_of(kept)] == [{"correct": 1.0}, {"correct": 0.0}]


@pytest.mark.parametrize("decision_id, tenant", [("nobody", "default"), (None, "rival")])
def test_an_unknown_id_and_another_tenants_read_the_same(
    store: LogStore, kept: str, decision_id: str | None, tenant: str
) -> None:
    outcome = Outcome(decision_id or kept, tenant, correct=1.0)
    with pytest.raises(UnknownDecisionError, match="no such decision"):
        store.report(outcome, price).result(5)
    assert store.outcome_of(kept) is None


def test_one_refused_report_does_not_hurt_its_batch(store: LogStore, kept: str) -> None:
    futures = [store.report(Outcome(kept if i % 2 else "none", correct=i / 20), price) for i in range(20)]
    failed = [future.exception(5) is not None for future in futures]
    assert failed == [i % 2 == 0 for i in range(20)]
    assert store.counts() == (1, 10)


def test_one_row_that_cannot_be_kept_does_not_hurt_its_batch(store: LogStore, decision: Decision, kept: str) -> None:
    twice = store.append(decision, REQUEST)
    fine = store.report(Outcome(kept, correct=1.0), price)
    with pytest.raises(StoreError, match="UNIQUE"):
        twice.result(5)
    assert not fine.result(5).repeated


def test_an_outcome_right_behind_its_decision_finds_it(store: LogStore, decision: Decision) -> None:
    store.append(decision, REQUEST)
    assert not store.report(Outcome(decision.decision_id, correct=1.0), price).result(5).repeated


def test_a_cancelled_record_is_not_written(store: LogStore, decision: Decision, kept: str) -> None:
    gate = Event()
    store._writer.submit(lambda connection: gate.wait(5))
    late = store.report(Outcome(kept, correct=1.0), price)
    cancelled = late.cancel()
    gate.set()
    store.probe().result(5)
    assert cancelled
    assert store.outcome_of(kept) is None


def test_a_full_disk_is_an_error_and_writing_goes_on_after_it(store: LogStore, decision: Decision) -> None:
    def pages(limit: int) -> None:
        def change(connection: Connection) -> None:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {limit}")

        store._writer.submit(change).result(5)

    store.probe().result(5)
    pages(1)  # clamped to the pages in use: the next page cannot be had
    futures = [store.append(_copy(decision, i), REQUEST) for i in range(40)]
    assert any("full" in str(future.exception(5)) for future in futures)
    # the failure closed the connection, and its limit with it, as a disk with room again would
    until_taken(lambda: store.append(_copy(decision, 101), REQUEST).result(5))


def test_a_store_that_cannot_be_opened_recovers_when_it_can(tmp_path: Path, decision: Decision) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    store = LogStore(f"sqlite:///{blocked}/log.db", timeout_seconds=0.1)
    with pytest.raises(StoreError):
        store.append(decision, REQUEST).result(5)
    with pytest.raises(StoreError):
        store.counts()
    blocked.unlink()
    store.append(decision, REQUEST).result(5)
    assert store.counts() == (1, 0)
    store.close()


def test_a_locked_store_is_an_error_after_its_timeout(tmp_path: Path, store_url: str, decision: Decision) -> None:
    store = LogStore(store_url, timeout_seconds=0.05)
    store.probe().result(5)
    with sqlite3.connect(tmp_path / "log.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            store.append(decision, REQUEST).result(5)
        other.execute("ROLLBACK")
    store.append(decision, REQUEST).result(5)
    store.close()


def test_nobody_waits_for_a_store_that_keeps_failing(tmp_path: Path, store_url: str, decision: Decision) -> None:
    store = LogStore(store_url, timeout_seconds=0.05)
    store.probe().result(5)
    with sqlite3.connect(tmp_path / "log.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(3):
            with pytest.raises(StoreAwayError, match="locked"):
                store.probe().result(5)
        assert store.away
        with pytest.raises(StoreAwayError, match="tried again every second"):
            store.append(decision, REQUEST)
        other.execute("ROLLBACK")
    until_taken(lambda: store.append(decision, REQUEST).result(5))
    assert not store.away and store.counts() == (1, 0)
    store.close()


def test_nobody_waits_behind_a_transaction_that_hangs(store_url: str, decision: Decision) -> None:
    store, go = LogStore(store_url, timeout_seconds=0.02), Event()
    hanging = store.write(lambda connection: go.wait(10))
    until_taken(lambda: store.away or fail())
    with pytest.raises(StoreAwayError):
        store.append(decision, REQUEST)
    go.set()
    hanging.result(5)
    until_taken(lambda: store.append(decision, REQUEST).result(5))
    store.close()


def test_closing_does_not_wait_for_ever_for_a_transaction_that_hangs(store_url: str) -> None:
    store, go = LogStore(store_url), Event()
    store.write(lambda connection: go.wait(10))
    started = time.monotonic()
    store._writer.close(0.05)
    assert time.monotonic() - started < 2
    go.set()
    store.close()


def test_a_record_that_cannot_even_be_said_fails_alone(store: LogStore, decision: Decision) -> None:
    """Whatever goes wrong in one record's own work, its neighbours in the batch are kept."""
    go = Event()
    store.write(lambda connection: go.wait(5))

    def raw(connection: Connection) -> None:
        connection.connection.cursor().execute("SELECT ?", (2**70,))

    good, bad = store.append(decision, REQUEST), store.write(raw)
    odd = store.append(_copy(decision, 1), REQUEST, reserve=lambda connection: {}["nothing"])
    go.set()
    good.result(5)
    assert all(isinstance(one.exception(5), StoreError) for one in (bad, odd))
    assert store.counts() == (1, 0)


def test_a_corrupt_store_is_an_error(tmp_path: Path, store_url: str, decision: Decision) -> None:
    (tmp_path / "log.db").write_bytes(b"not a database, " * 100)
    store = LogStore(store_url, timeout_seconds=0.1)
    with pytest.raises(StoreError, match="not a database"):
        store.append(decision, REQUEST).result(5)
    store.close()


def test_what_waits_is_written_before_closing(store_url: str, decision: Decision) -> None:
    store = LogStore(store_url)
    futures = [store.append(_copy(decision, i), REQUEST) for i in range(50)]
    store.close()
    assert all(future.exception(0) is None for future in futures)
    with pytest.raises(StoreError, match="closed"):
        store.append(decision, REQUEST)


def test_two_stores_on_one_file_share_what_they_keep(store_url: str, decision: Decision) -> None:
    one, two = LogStore(store_url), LogStore(store_url)
    written = [(one, two)[i % 2].append(_copy(decision, i), REQUEST) for i in range(100)]
    assert all(future.exception(10) is None for future in written)
    copies = [store.report(Outcome("copy0", correct=1.0), price).result(5).repeated for store in (one, two, one)]
    assert copies == [False, True, True]
    assert two.counts() == (100, 1)
    one.close()
    two.close()


@pytest.mark.parametrize("url", ["nonsense", "nosuch://x/y", "sqlite://", "sqlite:///:memory:"])
def test_a_url_that_can_never_work_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="store_url"):
        LogStore(url)


REPORTS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "correct": st.floats(0, 1),
            "input_tokens": st.integers(0, 10**6),
            "usd": st.decimals(0, 100, places=9),
            "details": st.dictionaries(st.text(max_size=3), st.integers(), max_size=3),
        },
    ).map(lambda said: Outcome("id", **said)),
    max_size=6,
)


@given(REPORTS)
@settings(max_examples=40, deadline=None)
def test_the_last_statement_of_a_field_wins(reports: list[Outcome]) -> None:
    merged = merge("id", "default", [facts(one) for one in reports])
    for name in ("correct", "input_tokens", "usd"):
        stated = [getattr(one, name) for one in reports if getattr(one, name) is not None]
        assert getattr(merged, name) == (stated[-1] if stated else None)


def fail() -> None:
    raise StoreError("not yet")


def until_taken(attempt: Callable[[], object]) -> None:
    """Try until the store takes it: it tries a failing database once a second."""
    deadline = time.monotonic() + 5
    while True:
        try:
            attempt()
            return
        except StoreError:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def _copy(decision: Decision, i: int) -> Decision:
    return replace(decision, decision_id=f"copy{i}", at=AT + timedelta(seconds=i))
