"""Who decides: the incumbent, or the candidate for its share of sessions."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event

import pytest

from router.encoders import HashingEncoder
from router.engine import Engine, Limits
from router.errors import ConstraintError, EncoderMismatchError
from router.events import Undecided
from router.log.store import LogStore
from router.parts import Parts
from router.policy import Policy
from router.prices import Usage
from router.requests import Request
from router.rollout.stages import Trial
from router.routes import Route
from router.safe_route import SafeRoute

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def candidate(write_policy: Callable[..., object]) -> Policy:
    return Policy.load(write_policy("next", seed=1, value_usd=0.0))


@pytest.fixture
def engine(safe: SafeRoute, store: LogStore, tiny_policy: Policy) -> Engine:
    made = Engine(safe, store, encoder=HashingEncoder(), clock=lambda: AT)
    made.swap(tiny_policy)
    return made


def asked(i: int) -> Request:
    return Request.from_mapping({"prompt": "What is 2 + 2?", "session": f"s{i}"})


def test_a_candidate_decides_its_share_and_is_logged_as_such(engine: Engine, candidate: Policy) -> None:
    engine.try_policy(Trial(candidate, 0.5))
    decisions = [asyncio.run(engine.route(asked(i))).decision for i in range(40)]
    mine = [one for one in decisions if one.policy == candidate.version]
    assert 8 < len(mine) < 32 and {one.chosen.route.key for one in mine} == {"gpt-4o-mini|none"}
    assert asyncio.run(engine.explain(asked(0), mine[0])) is not None


def test_a_candidate_that_fails_leaves_it_to_the_incumbent(
    engine: Engine, tiny_policy: Policy, candidate: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    engine.hooks = (told.append,)
    engine.try_policy(Trial(candidate, 1.0))
    monkeypatch.setattr(candidate, "decide", lambda *given: 1 / 0)
    decision = asyncio.run(engine.route(asked(1))).decision
    assert decision.policy == tiny_policy.version and decision.fallback is None
    assert Undecided(candidate.version, "incumbent") in told


def test_what_neither_policy_can_decide_is_the_requests_fault(engine: Engine, candidate: Policy) -> None:
    told: list[object] = []
    engine.hooks = (told.append,)
    engine.try_policy(Trial(candidate, 1.0))
    with pytest.raises(ConstraintError):
        asyncio.run(engine.route(Request.from_mapping({"prompt": "2 + 2?", "constraints": {"max_usd": "0.0000001"}})))
    assert told == []


def test_a_policy_that_left_a_request_to_the_safe_route_is_named(
    engine: Engine, tiny_policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    engine.hooks = (told.append,)
    monkeypatch.setattr(tiny_policy, "decide", lambda *given: 1 / 0)
    assert asyncio.run(engine.route(asked(1))).decision.fallback == "policy-error"
    assert told[0] == Undecided(tiny_policy.version, "safe-route")


def test_a_policy_that_is_late_is_named_with_how_long_it_was_waited_for(
    safe: SafeRoute, store: LogStore, tiny_policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    engine, go = Engine(safe, store, encoder=HashingEncoder(), limits=Limits(0.05), hooks=(told.append,)), Event()
    engine.swap(tiny_policy)
    monkeypatch.setattr(tiny_policy, "decide", lambda *given: go.wait(5))
    assert asyncio.run(engine.route(asked(1))).decision.fallback == "policy-timeout"
    go.set()
    late = next(one for one in told if isinstance(one, Undecided))
    assert (late.version, late.instead) == (tiny_policy.version, "safe-route") and 0.05 <= (late.late_after or 0) < 5


def test_an_answer_knows_how_long_it_took(engine: Engine) -> None:
    answered = asyncio.run(engine.route(asked(1)))
    parts = answered.encode_seconds + answered.decide_seconds + answered.log_seconds
    assert 0 < parts < answered.seconds < parts + 5


def test_a_candidate_of_other_vectors_is_refused(engine: Engine, write_policy: Callable[..., object]) -> None:
    with pytest.raises(EncoderMismatchError):
        engine.try_policy(Trial(Policy.load(write_policy("foreign", dim=32)), 1.0))
    assert engine.trial is None


def test_a_route_that_only_the_candidate_knows_is_priced_by_it(tiny_policy: Policy, candidate: Policy) -> None:
    route = Route("gpt-4o", "none")
    alone = Parts(policy=None, trial=Trial(candidate, 0.0))
    assert alone.book(route).usd(route, Usage(1000, 10), AT) == tiny_policy.book.usd(route, Usage(1000, 10), AT)
    assert Parts().policies == () and alone.named(candidate.version) is candidate


def test_changing_the_trial_drops_and_delays_no_request(engine: Engine, tiny_policy: Policy, candidate: Policy) -> None:
    """Forty sessions ask while stages, promotions and rollbacks follow each other."""

    async def ask_all() -> list[str]:
        return [one.decision.policy for one in await asyncio.gather(*(engine.route(asked(i)) for i in range(40)))]

    def change() -> None:
        for share in (0.0, 0.1, 0.5, 1.0) * 5:
            engine.try_policy(Trial(candidate, share))
        engine.swap(candidate)
        engine.try_policy(None)
        engine.swap(tiny_policy)

    with ThreadPoolExecutor(1) as changing:
        done = changing.submit(change)
        decided = [policy for _ in range(3) for policy in asyncio.run(ask_all())]
        done.result(30)
    assert len(decided) == 120 and set(decided) <= {tiny_policy.version, candidate.version}
