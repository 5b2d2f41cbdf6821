"""What processes saw of requests is handed out once, bounded, without a text."""

import numpy as np
from sqlalchemy import func, select

from router.drift.shared_inputs import KEPT_SECONDS, Inputs, inputs, put, take
from router.drift.sources import INPUTS
from router.log.store import LogStore


def some(n: int, policy: str = "v", tenant: str = "acme", start: float = 0.0) -> Inputs:
    return Inputs(policy, tenant, np.arange(n * len(INPUTS), dtype=float).reshape(n, -1) / 3 + start)


def taken(store: LogStore, policy: str = "v", most: int = 100) -> list[Inputs]:
    return store.write(lambda connection: take(connection, policy, most)).result(5)


def test_each_request_is_handed_out_once_to_whoever_takes_it(store: LogStore) -> None:
    for tenant in ("acme", "lab"):
        store.write(lambda connection, t=tenant: put(connection, 1.0, [some(3, tenant=t)])).result(5)
    found = taken(store)
    assert [one.tenant for one in found] == ["acme", "lab"] and taken(store) == []
    assert np.allclose(found[0].numbers, some(3).numbers, rtol=1e-5)
    assert dict(found[0].columns())["inputs", "unlike", "acme"].shape == (3,)


def test_the_latest_are_taken_and_nothing_piles_up(store: LogStore) -> None:
    def leave(at: float, *seen: Inputs) -> None:
        store.write(lambda connection: put(connection, at, seen)).result(5)

    leave(1.0, some(5), some(4, policy="w"))
    leave(2.0, some(5, start=100.0))
    found = taken(store, most=7)
    assert [len(one.numbers) for one in found] == [2, 5] and found[1].numbers.min() == 100.0
    assert taken(store, "w") == []  # gone with the others: it told of a policy that does not serve
    leave(10.0, some(1)), leave(10.0 + KEPT_SECONDS + 1)
    assert taken(store) == []


def test_what_is_not_known_comes_back_as_such(store: LogStore) -> None:
    unknown = Inputs("v", "acme", np.full((1, len(INPUTS)), np.nan))
    store.write(lambda connection: put(connection, 1.0, [unknown])).result(5)
    assert np.isnan(taken(store)[0].numbers).all()
    with store.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(inputs)) == 0
