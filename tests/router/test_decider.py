"""A decision in its three steps: a vector is made only where somebody compares it."""

from datetime import UTC, datetime

import numpy as np
import pytest

from router.cache.records import CacheLookup
from router.decider import Decider
from router.encoders import HashingEncoder
from router.jobs import Job
from router.parts import Parts
from router.policy import Policy
from router.requests import Request
from router.spend.spending import Spending
from router.steps import StepError

AT = datetime(2026, 3, 1, tzinfo=UTC)
REQUEST = Request.from_prompt("What is 2 + 2?")


class Counting(HashingEncoder):
    def __init__(self) -> None:
        super().__init__()
        self.encoded = 0

    def encode(self, texts):
        self.encoded += len(texts)
        return super().encode(texts)


def decider(parts: Parts) -> Decider:
    return Decider(lambda: parts, Spending(), lambda: None, lambda event: None, lambda: AT)


def test_a_request_is_encoded_once(tiny_policy: Policy) -> None:
    encoder, job = Counting(), Job()
    deciding = decider(Parts(encoder, tiny_policy))
    assert deciding.begin(REQUEST, job) and encoder.encoded == 0
    deciding.encode(REQUEST, job)
    decided = deciding.conclude(REQUEST, job)
    assert decided.decision.action == "route" and encoder.encoded == 1
    np.testing.assert_array_equal(decided.vector, encoder.encode([REQUEST.text])[0])
    assert decided.encode_seconds > 0 and decided.decide_seconds > 0


def test_a_stored_answer_needs_no_vector(tiny_policy: Policy) -> None:
    encoder, hit = Counting(), CacheLookup("looked-up", "default", "hit", "byte-identical")

    class Cache:
        def begin(self, request: Request, decision_id: str) -> CacheLookup:
            return hit

    job, deciding = Job(), decider(Parts(encoder, tiny_policy, Cache()))  # type: ignore[arg-type]
    assert not deciding.begin(REQUEST, job)
    decided = deciding.conclude(REQUEST, job)
    assert (decided.decision.action, decided.decision.decision_id) == ("cached", "looked-up")
    assert encoder.encoded == 0


def test_a_decision_ends_with_the_parts_that_it_began_with(tiny_policy: Policy) -> None:
    parts = [Parts(HashingEncoder(), tiny_policy)]
    deciding, job = Decider(lambda: parts[0], Spending(), lambda: None, lambda event: None, lambda: AT), Job()
    assert deciding.begin(REQUEST, job)
    parts[0] = Parts(HashingEncoder())  # the policy is taken away meanwhile
    deciding.encode(REQUEST, job)
    assert deciding.conclude(REQUEST, job).decision.policy == tiny_policy.version


def test_without_policy_and_cache_there_is_nothing_to_ask() -> None:
    with pytest.raises(StepError, match="no-policy"):
        decider(Parts(HashingEncoder())).begin(REQUEST, Job())
