"""One decision in the making."""

from dataclasses import replace

from router.cache.records import CacheLookup
from router.jobs import Job
from router.prices import now
from router.requests import Request
from router.safe_route import SafeRoute


def test_a_decision_takes_the_name_that_the_cache_knows(safe: SafeRoute) -> None:
    decision, job = safe.decision(Request.from_prompt("x"), "no-policy", now()), Job()
    assert job.claim(decision) is decision
    job.lookup = CacheLookup("looked-up", "default", "miss", "no entry is near")
    assert job.claim(decision) == replace(decision, decision_id="looked-up", lookup=job.lookup)
    job.lookup = replace(job.lookup, action="hit")
    assert job.claim(decision) is decision
