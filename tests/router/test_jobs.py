"""One decision in the making."""

from dataclasses import replace

import numpy as np

from router.cache.records import CacheLookup
from router.jobs import Job, Once
from router.prices import now
from router.requests import Request
from router.safe_route import SafeRoute


def test_a_vector_is_made_once_and_only_when_asked_for() -> None:
    made: list[int] = []

    def make() -> np.ndarray:
        made.append(1)
        return np.ones(2)

    once = Once(make)
    assert (made, once.seconds) == ([], 0.0)
    assert once() is once() and made == [1] and once.seconds > 0


def test_a_decision_takes_the_name_that_the_cache_knows(safe: SafeRoute) -> None:
    decision, job = safe.decision(Request.from_prompt("x"), "no-policy", now()), Job()
    assert job.claim(decision) is decision
    job.lookup = CacheLookup("looked-up", "default", "miss", "no entry is near")
    assert job.claim(decision) == replace(decision, decision_id="looked-up", lookup=job.lookup)
    job.lookup = replace(job.lookup, action="hit")
    assert job.claim(decision) is decision
