"""A hit as a decision, and a failing cache as no cache."""

import math

import pytest

from router.cache.guarded import GuardedCache, cached_decision
from router.cache.records import CacheLookup
from router.cache.store import StoredAnswer
from router.events import CacheFailed
from router.prices import now
from router.requests import Request
from router.steps import StepError

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
    def __init__(self, error: Exception) -> None:
        self.error = error

    def lookup(self, *given: object) -> None:
        raise self.error

    def close(self) -> None:
        raise self.error


def test_what_fails_inside_is_told_and_means_no_cache() -> None:
    events: list[object] = []
    cache = GuardedCache(Failing(OSError("disk")), [events.append])  # type: ignore[arg-type]
    assert cache.look_up(REQUEST, lambda: None, "id") is None  # type: ignore[arg-type,return-value]
    cache.close()
    assert events == [CacheFailed("lookup", "OSError"), CacheFailed("learn", "OSError")]


def test_an_encoder_that_fails_is_not_the_caches_fault() -> None:
    cache = GuardedCache(Failing(StepError("encoder-error")))  # type: ignore[arg-type]
    with pytest.raises(StepError):
        cache.look_up(REQUEST, lambda: None, "id")  # type: ignore[arg-type,return-value]
