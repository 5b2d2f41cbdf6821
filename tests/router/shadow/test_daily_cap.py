"""The cap holds, and a new day begins at nothing."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from router.shadow.daily_cap import DailyCap

AT = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1))))
def test_no_more_is_spent_than_the_cap_while_bills_keep_to_what_was_held(calls: list[tuple[float, float]]) -> None:
    cap = DailyCap(1.0, lambda: AT)
    for held, share in calls:
        if cap.take(held):
            cap.correct(held, held * share)
        assert cap.spent <= 1.0 + 1e-9


def test_a_new_day_begins_at_nothing() -> None:
    moments = [AT]
    cap = DailyCap(1.0, lambda: moments[-1])
    assert cap.take(1.0) and not cap.take(0.01)
    moments.append(AT + timedelta(minutes=2))
    assert cap.take(0.01)
