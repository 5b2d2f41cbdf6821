"""A candidate decides beside the incumbent without ever being in the way."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest

from router.encoders import HashingEncoder
from router.events import Shadowed
from router.log.store import LogStore
from router.policy import Policy
from router.requests import Request
from router.seen import Seen
from router.shadow.beside import Shadow, ShadowRules
from router.shadow.frame import read_shadows

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def candidate(write_policy: Callable[..., object]) -> Policy:
    """Values nothing, so it takes the cheap route."""
    return Policy.load(write_policy("next", seed=1, value_usd=0.0))


@pytest.fixture
def seen(tiny_policy: Policy) -> Callable[..., Seen]:
    def make(text: str = "What is 2 + 2?", **given: object) -> Seen:
        request = Request.from_mapping({"prompt": text, **given})
        vector = HashingEncoder().encode([text])[0]
        return Seen(request, vector, tiny_policy.decide(request, vector, AT))

    return make


def test_a_difference_is_written_down(store: LogStore, candidate: Policy, seen: Callable[..., Seen]) -> None:
    shadow = Shadow(store, ShadowRules(execute=0.0))
    shadow.use(candidate)
    assert shadow.offer(seen(tenant="acme", task="sums")) is None
    shadow.work()
    store.probe().result(5)
    table = read_shadows(store, candidate.version)
    row = table.iloc[0]
    assert (row.tenant, row.task, row.incumbent_model, row.candidate_model) == ("acme", "sums", "gpt-4o", "gpt-4o-mini")
    assert row.candidate_usd < row.incumbent_usd and not row.executed and np.isnan(row.candidate_correct)


def test_a_sampled_difference_is_asked_for(store: LogStore, candidate: Policy, seen: Callable[..., Seen]) -> None:
    shadow = Shadow(store, ShadowRules(execute=1.0))
    shadow.use(candidate)
    asked = shadow.offer(seen())
    shadow.work()
    assert asked is not None
    told = asked.result(0)
    assert told is not None and told["route"] == "gpt-4o-mini|none" and told["parameters"]["model"] == "gpt-4o-mini"


def test_nothing_is_asked_for_where_both_choose_the_same(
    store: LogStore, write_policy: Callable[..., object], seen: Callable[..., Seen]
) -> None:
    shadow = Shadow(store, ShadowRules(execute=1.0))
    shadow.use(Policy.load(write_policy("same", seed=2)))
    asked = shadow.offer(seen())
    shadow.work()
    assert asked is not None and asked.result(0) is None


def test_a_full_queue_drops_and_counts(store: LogStore, candidate: Policy, seen: Callable[..., Seen]) -> None:
    told: list[object] = []
    shadow = Shadow(store, ShadowRules(waiting=3), [told.append])
    shadow.use(candidate)
    for _ in range(5):
        shadow.offer(seen())
    assert told == [Shadowed("dropped")] * 2


def test_a_candidate_that_fails_is_counted(store: LogStore, candidate: Policy, seen: Callable[..., Seen]) -> None:
    def fail(*given: object) -> object:
        raise RuntimeError("no")

    told: list[object] = []
    shadow = Shadow(store, ShadowRules(execute=1.0), [told.append], fail)  # type: ignore[arg-type]
    shadow.use(candidate)
    asked = shadow.offer(seen())
    shadow.work()
    assert told == [Shadowed("failed")] and asked is not None and asked.result(0) is None


def test_a_caller_that_stopped_waiting_harms_nothing(
    store: LogStore, candidate: Policy, seen: Callable[..., Seen]
) -> None:
    told: list[object] = []
    shadow = Shadow(store, ShadowRules(execute=1.0), [told.append])
    shadow.use(candidate)
    asked = shadow.offer(seen())
    assert asked is not None and asked.cancel()
    shadow.work()
    assert told == [Shadowed("differed")]


@pytest.mark.parametrize("share, n", [(0.0, 0), (0.3, 300)])
def test_only_a_share_is_decided(
    store: LogStore, candidate: Policy, seen: Callable[..., Seen], share: float, n: int
) -> None:
    shadow, one = Shadow(store, ShadowRules(share, 0.0), seed=1), seen()
    shadow.use(candidate)
    for _ in range(1000):
        shadow.offer(one)
    assert shadow.waiting == pytest.approx(n, abs=60)


def test_the_thread_decides_and_ends(store: LogStore, candidate: Policy, seen: Callable[..., Seen]) -> None:
    done = threading.Event()
    shadow = Shadow(store, hooks=[lambda event: done.set()])
    shadow.use(candidate)
    shadow.start()
    shadow.offer(seen())
    assert done.wait(5)
    shadow.close()
