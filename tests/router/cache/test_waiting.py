"""Awaited lookups are taken once, by whoever comes first, and by nobody else's tenant."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from router.cache.key import CacheKey
from router.cache.partition import Candidate
from router.cache.records import Pending
from router.cache.reuse import ReuseDecision
from router.cache.store import CacheStore
from router.cache.waiting import KEPT_SECONDS, Waiting
from router.privacy.leaver import Leaver

KEY = CacheKey("acme", "tenant", "f", "p", b"sixteen bytes...", True)
CANDIDATE = Candidate(3, 4, "a neighbour", 1.0, 0.9, 1.5, np.array([0.25, 2.0]), 0.5)
PENDING = Pending(
    KEY, "hello", np.ones(4, np.float32), CANDIDATE, ReuseDecision("miss", 0.2, 0.1, "risky"), True, {"kind": "a"}
)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Waiting]:
    """One process's at each call; all share a store."""
    return lambda limit=8: Waiting(CacheStore(f"sqlite:///{tmp_path / 'cache.db'}", timeout_seconds=5), limit)


def test_it_is_taken_once_and_only_by_its_tenant(make: Callable[..., Waiting]) -> None:
    here = make()
    here.keep("one", PENDING, 0.0)
    assert here.take("one", "other") is None
    assert here.take("one", "acme") is PENDING
    assert here.take("one", "acme") is None
    assert here.flush(0.0) == 0


def test_another_process_takes_it_whole_but_for_the_neighbour_s_words(make: Callable[..., Waiting]) -> None:
    here, there = make(), make()
    here.keep("one", PENDING, 0.0)
    assert there.take("one", "acme") is None
    assert here.flush(0.0) == 1
    assert there.take("one", "other") is None
    found = there.take("one", "acme")
    assert found is not None and found.candidate is not None and found.vector is not None
    assert (found.key, found.text, found.decision, found.tags) == (KEY, "hello", PENDING.decision, PENDING.tags)
    assert np.array_equal(found.vector, PENDING.vector)
    assert found.candidate.text == "" and np.array_equal(found.candidate.features, CANDIDATE.features)
    assert here.take("one", "acme") is None


def test_what_is_not_shared_stays_in_the_process(make: Callable[..., Waiting]) -> None:
    here, there = make(), make()
    here.keep("one", PENDING, 0.0, shared=False)
    assert here.flush(0.0) == 0 and there.take("one", "acme") is None
    assert here.take("one", "acme") is PENDING


def test_the_oldest_leave_memory_first(make: Callable[..., Waiting]) -> None:
    here = make(2)
    for name in ("one", "two", "three"):
        here.keep(name, PENDING, 0.0)
    assert [here.take(name, "acme") is None for name in ("one", "two", "three")] == [True, False, False]


def test_a_forgotten_tenant_is_awaited_no_more(make: Callable[..., Waiting]) -> None:
    here = make()
    here.keep("one", PENDING, 0.0)
    here.forget(Leaver.of("other"))
    here.forget(Leaver.of("acme"))
    assert here.take("one", "acme") is None and here.flush(0.0) == 0


def test_rows_that_nobody_took_end(make: Callable[..., Waiting]) -> None:
    here, there = make(), make()
    here.keep("one", PENDING, 0.0)
    here.flush(0.0)
    here.flush(KEPT_SECONDS + 1)
    assert there.take("one", "acme") is None
