"""The cap holds for all processes on one store together, and a new day begins at nothing."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.log.store import LogStore
from router.shadow.daily_cap import DailyCap

AT = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=10), st.integers(0, 10_000))
def test_no_more_is_spent_than_the_cap_while_bills_keep_to_what_was_held(
    store: LogStore, calls: list[tuple[float, float]], day: int
) -> None:
    cap = DailyCap(1.0, store, lambda: AT + timedelta(days=day))
    for held, share in calls:
        if (taken := cap.take(held)) is not None:
            cap.correct(taken, held * share)
        assert cap.spent <= 1.0 + 1e-9


def test_a_new_day_begins_at_nothing_and_a_late_bill_is_the_old_one_s(store: LogStore) -> None:
    moments = [AT]
    cap = DailyCap(1.0, store, lambda: moments[-1])
    held = cap.take(1.0)
    assert held is not None and cap.take(0.01) is None
    moments.append(AT + timedelta(minutes=2))
    assert cap.take(0.01) is not None
    cap.correct(held, 0.2)
    assert cap.spent == pytest.approx(0.01)


def test_two_stores_on_one_database_share_the_cap(tmp_path: Path) -> None:
    """As two processes would: connections, writers and caps of their own."""
    url = f"sqlite:///{tmp_path / 'one.db'}"
    with closing(LogStore(url, timeout_seconds=20.0)) as one, closing(LogStore(url, timeout_seconds=20.0)) as two:
        caps = [DailyCap(1.0, store, lambda: AT) for store in (one, two)]
        with ThreadPoolExecutor(2) as pool:
            taken = list(pool.map(lambda place: caps[place % 2].take(0.1), range(30)))
        assert sum(one is not None for one in taken) == 10
        assert caps[0].spent == caps[1].spent <= 1.0


def test_nothing_was_spent_before_the_first_call(store: LogStore) -> None:
    assert DailyCap(1.0, store, lambda: AT).spent == 0.0
