"""A hit as a decision, and a failing cache as no cache."""

import math
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep
from types import SimpleNamespace

import numpy as np
import pytest

from router.cache.answers import NewAnswer
from router.cache.guarded import GuardedCache, cached_decision
from router.cache.records import Begun, CacheLookup, CacheRules
from router.cache.semantic import SemanticCache
from router.cache.stored import StoredAnswer
from router.errors import StoreError
from router.events import CacheFailed
from router.prices import now
from router.requests import Request

REQUEST = Request.from_prompt("x", task="sums")


def hit(model: str) -> CacheLookup:
    answer = StoredAnswer(1, "default", "p", "four", model, {}, {}, None, "d", 0.002, 0.0, 9.0)
    return CacheLookup("id", "default", "hit", "near", "semantic", answer, 1.0, "y", 0.97, 0.01, 0.02, 0.9)


@pytest.mark.parametrize(("model", "route"), [("gpt-4o|low", "gpt-4o|low"), ("", "unknown|default")])
def test_a_hit_costs_nothing_and_names_the_route_that_answered_then(model: str, route: str) -> None:
    decision = cached_decision(hit(model), REQUEST, "v1", now())
    assert (decision.action, decision.decision_id, decision.chosen.route.key) == ("cached", "id", route)
    assert (decision.chosen.expected_usd, decision.propensity, decision.task) == (0.0, 0.9, "sums")
    assert math.isnan(decision.chosen.p_correct) and "saves $0.002000" in decision.reason


class Failing:
    def __init__(self, error: Exception | None, seconds: float = 0.0) -> None:
        self.error, self.seconds, self.asked, self.owes = error, seconds, 0, False
        self.warming = SimpleNamespace(wants=False, unsearched=0)

    def begin(self, *given: object) -> None:
        self.asked += 1
        sleep(self.seconds)
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        raise self.error


def test_what_fails_inside_is_told_and_means_no_cache() -> None:
    events: list[object] = []
    cache = GuardedCache(Failing(OSError("disk")), [events.append])  # type: ignore[arg-type]
    assert cache.begin(REQUEST, "id") is None
    cache.close()
    assert events == [CacheFailed("lookup", "OSError"), CacheFailed("learn", "OSError")]


def look(cache: GuardedCache) -> CacheLookup | None:
    begun = cache.begin(REQUEST, "id")
    return cache.finish(begun, np.zeros(64, np.float32)) if isinstance(begun, Begun) else begun


@pytest.mark.parametrize("failing", [Failing(StoreError("gone")), Failing(None, seconds=0.02)])
def test_a_store_that_keeps_failing_or_is_slow_is_left_alone(failing: Failing) -> None:
    events: list[object] = []
    cache = GuardedCache(failing, [events.append], slow_seconds=0.01)  # type: ignore[arg-type]
    for _ in range(5):
        look(cache)
    assert failing.asked == 3 and cache.away
    assert events[3:] == [CacheFailed("skipped", "away")] * 2


def test_one_odd_request_does_not_close_the_cache_to_all() -> None:
    cache = GuardedCache(failing := Failing(RuntimeError("odd")))  # type: ignore[arg-type]
    for _ in range(5):
        look(cache)
    assert failing.asked == 5 and not cache.away


def test_a_locked_store_delays_no_lookup(make_cache: Callable[..., SemanticCache], clock, tmp_path: Path) -> None:
    """What has expired is not served, and leaves the store when that can be written again."""
    events: list[object] = []
    inner = make_cache(CacheRules(ttl_seconds=100.0))
    cache = GuardedCache(inner, [events.append])
    first = look(cache)
    assert first is not None
    inner.learn(first.lookup_id, NewAnswer("four"), tenant="default")
    with closing(sqlite3.connect(tmp_path / "cache.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        started = monotonic()
        assert look(cache).action == "hit"
        clock.now += 101.0
        assert look(cache).action == "miss"
        assert monotonic() - started < 1.0 and inner.stored()  # the lock is waited for 5 s
        other.execute("ROLLBACK")
    deadline = monotonic() + 10
    while inner.owes or inner.stored():
        assert monotonic() < deadline
        look(cache)
        sleep(0.01)


def test_what_was_served_once_is_at_hand_and_nothing_else_is_tried(make_cache: Callable[..., SemanticCache]) -> None:
    inner = make_cache()
    cache = GuardedCache(inner)
    first = look(cache)
    assert first is not None and cache.look_up_at_once(REQUEST, "id") is None
    inner.learn(first.lookup_id, NewAnswer("four"), tenant="default")
    assert cache.look_up_at_once(REQUEST, "id") is None  # not served yet
    assert look(cache).action == "hit"  # type: ignore[union-attr]
    assert cache.look_up_at_once(REQUEST, "id").tier == "exact"  # type: ignore[union-attr]
