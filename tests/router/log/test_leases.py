"""A lease is one process's until it runs out or is given back."""

from router.log import leases
from router.log.store import LogStore


def hold(store: LogStore, holder: str, now_ms: int) -> bool:
    return store.write(lambda c: leases.hold(c, "chores", holder, now_ms, 1000)).result(10)


def test_one_holds_it_and_renews_it(store: LogStore) -> None:
    assert hold(store, "a", 0)
    assert not hold(store, "b", 999)
    assert hold(store, "a", 999)
    assert not hold(store, "b", 1500)


def test_it_runs_out(store: LogStore) -> None:
    assert hold(store, "a", 0)
    assert hold(store, "b", 1000)
    assert not hold(store, "a", 1001)


def test_it_is_given_back_by_its_holder_only(store: LogStore) -> None:
    assert hold(store, "a", 0)
    store.write(lambda c: leases.release(c, "chores", "b")).result(10)
    assert not hold(store, "b", 1)
    store.write(lambda c: leases.release(c, "chores", "a")).result(10)
    assert hold(store, "b", 2)


def test_a_lease_from_a_clock_far_ahead_does_not_last_for_years(store: LogStore) -> None:
    assert hold(store, "a", 10_000_000)
    assert hold(store, "b", 0)
