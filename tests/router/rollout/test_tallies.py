"""Counts of several processes add up, and a later count less an earlier one is what came between."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from router.log.store import LogStore
from router.rollout.tallies import KEPT, NONE, Tally, add, bin_of, read, seconds_of

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("seconds", [1e-9, 0.001, 0.0234, 2.0, 3600.0])
def test_a_bin_holds_its_duration_within_five_per_cent(seconds: float) -> None:
    assert max(seconds, 1e-5) <= seconds_of(bin_of(seconds)) <= max(seconds, 1e-5) * 1.0501
    assert bin_of(seconds) <= bin_of(seconds * 1.001)


def test_tallies_add_up_and_subtract() -> None:
    one, two = Tally(3, 1, 1, Counter({5: 2, 7: 1})), Tally(2, 0, 4, Counter({5: 1, -9: 1}))
    assert one + two == Tally(5, 1, 5, Counter({5: 3, 7: 1, -9: 1})) and (one + two) - two == one
    assert one - (one + two) == NONE
    assert Tally.from_dict(one.as_dict()) == one


def test_quantiles_and_what_is_slower() -> None:
    tally = Tally(100, 0, 0, Counter({1: 98, 2: 1, 9: 1}))
    assert (tally.quantile(0.5), tally.quantile(0.99), tally.quantile(1.0)) == (1, 2, 9)
    assert tally.slower_than(2) == 1 and NONE.quantile(0.99) is None


def test_processes_add_to_one_row_and_old_rows_go(store: LogStore) -> None:
    news = {"a": Tally(1, 0, 0, Counter({3: 1})), "b": Tally(0, 2)}
    for moment in (AT, AT):
        store.write(lambda connection, at=moment: add(connection, news, at)).result(5)
    with store.reading() as connection:
        assert read(connection, ["a", "c"]) == {"a": Tally(2, 0, 0, Counter({3: 2}))}
    later = AT + KEPT + timedelta(days=1)
    store.write(lambda connection: add(connection, {"a": Tally(1)}, later)).result(5)
    with store.reading() as connection:
        assert read(connection, "ab") == {"a": Tally(3, 0, 0, Counter({3: 2}))}
