"""Every request is answered: by the policy, or by the safe route with the cause named."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Flag
from types import SimpleNamespace

import numpy as np
import pytest

from router.decisions import Outcome
from router.encoders import HashingEncoder
from router.engine import Engine, Limits
from router.errors import (
    ConstraintError,
    EncoderMismatchError,
    InputError,
    PolicyFileError,
    StoreError,
    UnknownDecisionError,
    UnknownModelError,
)
from router.events import Decided, PolicySwapped, Reported, ReportFailed
from router.log.store import LogStore
from router.policy import Policy
from router.requests import Request
from router.safe_route import SafeRoute

AT = datetime(2026, 3, 1, tzinfo=UTC)
REQUEST = Request.from_prompt("What is 2 + 2?")


class Broken(HashingEncoder):
    def encode(self, texts):
        raise RuntimeError("weights are gone")


class OutOfMemory(HashingEncoder):
    def encode(self, texts):
        raise MemoryError


class NotNumbers(HashingEncoder):
    def encode(self, texts):
        return super().encode(texts) * np.nan


class Stuck(HashingEncoder):
    """Encodes only when let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = Flag()

    def encode(self, texts):
        self.go.wait(5)
        return super().encode(texts)


def fail(*args, **kwargs):
    raise RuntimeError("broken")


@pytest.fixture
def events() -> list:
    return []


@pytest.fixture
def make(safe: SafeRoute, store: LogStore, tiny_policy: Policy, events: list) -> Callable[..., Engine]:
    """An engine with the tiny policy; what is named is broken afterwards."""

    def build(encoder=None, policy: Policy | None = tiny_policy, store: LogStore | None = store, **limits) -> Engine:
        engine = Engine(
            safe,
            store,
            encoder=HashingEncoder(),
            limits=Limits(**{"decide_seconds": 1.0, **limits}),
            hooks=[events.append],
            clock=lambda: AT,
        )
        if policy is not None:
            engine.swap(policy)
        if encoder is not None:
            engine.use_encoder(encoder)
        return engine

    return build


def ask(engine: Engine, request: Request = REQUEST) -> Decided:
    return asyncio.run(engine.route(request))


def test_the_engine_answers_what_the_policy_decides(make, tiny_policy: Policy, store: LogStore) -> None:
    decided = ask(make())
    direct = tiny_policy.decide(REQUEST, HashingEncoder().encode([REQUEST.text])[0], AT)
    assert replace(decided.decision, decision_id=direct.decision_id) == direct
    assert store.decision(decided.decision.decision_id)["policy"] == tiny_policy.version
    assert min(decided.encode_seconds, decided.decide_seconds, decided.log_seconds) > 0


def breaks_policy(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine.policy, "estimate", fail)


def breaks_numbers(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    usd = engine.policy._usd
    monkeypatch.setattr(engine.policy, "_usd", lambda *given: usd(*given) * np.nan)


def breaks_price(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine.policy, "book", SimpleNamespace(rates=fail))


def unprices(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*given):
        raise UnknownModelError("gpt-4o", [])

    monkeypatch.setattr(engine.policy, "book", SimpleNamespace(rates=unknown))


@pytest.mark.parametrize(
    "cause, failure, breaking",
    [
        ("policy-error", "RuntimeError", breaks_policy),
        ("policy-error", "ValueError", breaks_numbers),
        ("price-error", "RuntimeError", breaks_price),
        ("price-error", "UnknownModelError", unprices),
    ],
)
def test_a_policy_that_fails_is_answered_with_the_safe_route(make, monkeypatch, cause, failure, breaking) -> None:
    engine = make()
    breaking(engine, monkeypatch)
    decided = ask(engine)
    assert (decided.decision.action, decided.decision.fallback, decided.failure) == ("fallback", cause, failure)


@pytest.mark.parametrize("encoder", [Broken(), OutOfMemory(), NotNumbers()])
def test_an_encoder_that_fails_is_answered_with_the_safe_route(make, encoder) -> None:
    assert ask(make(encoder)).decision.fallback == "encoder-error"


def test_without_encoder_the_policy_waits(safe: SafeRoute, tiny_policy: Policy) -> None:
    engine = Engine(safe)
    engine.swap(tiny_policy)
    assert ask(engine).decision.fallback == "encoder-error"
    engine.use_encoder(HashingEncoder())
    assert ask(engine).decision.action == "route"


def test_the_safe_route_says_what_it_is_and_is_logged(make, store: LogStore, events: list) -> None:
    decision = ask(make(policy=None)).decision
    assert decision.chosen.route.key == "gpt-4o-mini|none"
    assert decision.parameters == {"model": "gpt-4o-mini", "max_completion_tokens": 1024}
    assert "the configured safe route, because no policy is loaded" in decision.reason
    row = store.decision(decision.decision_id)
    assert (row["fallback"], row["unlike"], row["options"][0]["p_correct"]) == ("no-policy", None, None)
    assert events[-1].decision is decision


def test_the_safe_route_names_the_constraints_it_breaks(make) -> None:
    request = Request.from_mapping({"prompt": "x", "constraints": {"models": ["gpt-4o"]}})
    reason = ask(make(policy=None), request).decision.reason
    assert reason.endswith("it does not satisfy these constraints of the request: models.")


def test_a_slow_encoder_is_not_waited_for(make) -> None:
    stuck = Stuck()
    engine = make(stuck, decide_seconds=0.05)
    started = time.perf_counter()
    decided = ask(engine)
    assert decided.decision.fallback == "encoder-timeout"
    assert time.perf_counter() - started < 1
    stuck.go.set()


def test_nobody_waits_for_threads_that_all_hang(make) -> None:
    stuck = Stuck()
    engine = make(stuck, decide_seconds=0.2, threads=2)

    async def ask_twice() -> None:
        await asyncio.gather(engine.route(REQUEST), engine.route(REQUEST))

    asyncio.run(ask_twice())
    assert engine.hung is not None
    started = time.perf_counter()
    assert ask(engine).decision.fallback == "encoder-timeout"
    assert time.perf_counter() - started < 0.15
    stuck.go.set()
    until(lambda: engine.hung is None)
    assert ask(engine).decision.action == "route"


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_slow_policy_is_told_from_a_slow_encoder(make, monkeypatch) -> None:
    engine, go = make(decide_seconds=0.05), Flag()
    monkeypatch.setattr(engine.policy, "estimate", lambda *given: go.wait(5))
    assert ask(engine).decision.fallback == "policy-timeout"
    go.set()


def test_too_many_at_once_are_answered_at_once(make) -> None:
    stuck = Stuck()
    engine = make(stuck, decide_seconds=0.2, waiting=3, threads=1)

    async def many() -> list[str | None]:
        answers = await asyncio.gather(*(engine.route(REQUEST) for _ in range(6)))
        return sorted(str(one.decision.fallback) for one in answers)

    assert asyncio.run(many()) == ["encoder-timeout", *["overload"] * 5]
    stuck.go.set()
    until(lambda: engine.hung is None)
    assert ask(engine).decision.action == "route"


def test_conflicting_constraints_are_the_callers(make) -> None:
    for constraints, kind in (
        ({"max_usd": 0}, ConstraintError),
        ({"models": ["gpt-5o"]}, UnknownModelError),
        ({"routes": ["nothing|none"]}, InputError),
    ):
        with pytest.raises(kind, match="constraints"):
            ask(make(), Request.from_mapping({"prompt": "x", "constraints": constraints}))


def test_a_store_that_fails_costs_the_log_not_the_decision(make, store: LogStore, monkeypatch) -> None:
    monkeypatch.setattr(store, "append", fail)
    decided = ask(make())
    assert (decided.decision.action, decided.decision.logged) == ("route", False)
    assert decided.unlogged == "store-error"
    assert ask(make(store=None)).unlogged == "store-error"


def test_a_slow_store_costs_the_log_not_the_decision(make, store: LogStore) -> None:
    engine, begun, go = make(store_seconds=0.05), Flag(), Flag()
    store._writer.submit(lambda connection: (begun.set(), go.wait(5)))
    assert begun.wait(5)  # else the decision may be taken into the same transaction, and be kept after all
    decided = ask(engine)
    assert (decided.decision.action, decided.decision.logged, decided.unlogged) == ("route", False, "store-timeout")
    with pytest.raises(StoreError, match="in time"):
        asyncio.run(engine.reporting.report(Outcome(decided.decision.decision_id, correct=1.0)))
    go.set()
    store.probe().result(5)
    with pytest.raises(UnknownDecisionError):
        store.decision(decided.decision.decision_id)


def test_reports_are_priced_by_the_policys_book_and_told(make, events: list) -> None:
    engine = make()
    decision_id = ask(engine).decision.decision_id
    outcome = Outcome(decision_id, input_tokens=1000, output_tokens=100)
    first, again = (asyncio.run(engine.reporting.report(outcome)) for _ in range(2))
    assert str(first.usd) == str(again.usd) == "0.0035"
    with pytest.raises(UnknownDecisionError):
        asyncio.run(engine.reporting.report(Outcome("nobody", correct=1.0)))
    said = events[-3].outcome
    assert events[-3:] == [
        Reported(False, False, 0.0035, said),
        Reported(True, False, 0.0, said),
        ReportFailed("unknown-decision"),
    ]


def test_a_report_is_kept_when_nobody_can_price_it(make, monkeypatch) -> None:
    engine = make()
    decision_id = ask(engine).decision.decision_id
    monkeypatch.setattr(engine.policy.book, "usd", fail)
    taken = asyncio.run(engine.reporting.report(Outcome(decision_id, input_tokens=1, output_tokens=1)))
    assert taken.usd is None


def test_a_policy_of_other_vectors_is_refused_and_the_old_one_kept(make, write_policy) -> None:
    engine = make()
    before = engine.policy
    with pytest.raises(EncoderMismatchError):
        engine.swap(Policy.load(write_policy("other", dim=32)))
    assert engine.policy is before
    with pytest.raises(EncoderMismatchError):
        engine.use_encoder(HashingEncoder(32))
    assert isinstance(engine.encoder, HashingEncoder) and engine.encoder.identity.dim == 64


def test_a_policy_that_cannot_decide_is_refused(make, write_policy, monkeypatch) -> None:
    engine, broken = make(), Policy.load(write_policy("broken", seed=2))
    monkeypatch.setattr(broken, "estimate", fail)
    with pytest.raises(PolicyFileError, match="a trial decision failed"):
        engine.swap(broken)
    assert ask(engine).decision.action == "route"


def test_swapping_while_200_requests_run_drops_none(make, write_policy, store: LogStore, events: list) -> None:
    engine = make(decide_seconds=60.0, store_seconds=60.0)  # swaps are on trial here, not this machine's speed
    policies = [Policy.load(write_policy(f"p{i}", seed=i + 1)) for i in range(5)]

    async def traffic() -> list[Decided]:
        running = [asyncio.create_task(engine.route(Request.from_prompt(f"request {i}"))) for i in range(200)]
        for policy in policies:
            await asyncio.sleep(0.01)
            await asyncio.to_thread(engine.swap, policy)
        return list(await asyncio.gather(*running))

    decided = asyncio.run(traffic())
    assert [one.decision.action for one in decided] == ["route"] * 200
    assert all(one.decision.logged for one in decided)
    assert store.counts()[0] == 200
    assert {one.decision.policy for one in decided} <= {p.version for p in policies} | {events[0].version}
    assert sum(isinstance(one, PolicySwapped) for one in events) == 6


def test_a_hook_that_fails_costs_nothing(safe: SafeRoute, caplog: pytest.LogCaptureFixture) -> None:
    assert ask(Engine(safe, hooks=[fail])).decision.fallback == "no-policy"
    assert "a hook failed" in caplog.text


def test_a_closed_engine_still_answers(make) -> None:
    engine = make()
    engine.close()
    decided = ask(engine)
    assert (decided.decision.fallback, decided.unlogged) == ("policy-error", "store-error")


def test_a_bad_safe_route_is_refused_and_an_unpriced_one_is_not(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="safe_route"):
        SafeRoute.from_key("|", 100)
    assert SafeRoute.from_key("our-own-70b|default", 100).spec.tier == "standard"


def test_a_decision_that_is_being_logged_is_answered_however_late(make, store: LogStore, monkeypatch) -> None:
    """The deadline passes between its record and its answer: the safe route would be another answer than the log's."""
    engine, append = make(decide_seconds=0.5, store_seconds=0.2), store.append

    def slow(*given):
        kept = append(*given)
        kept.result(5)
        return kept

    monkeypatch.setattr(store, "append", slow)
    monkeypatch.setattr("router.together._tell", lambda come: None)  # nobody is told
    decision = ask(engine).decision
    assert (decision.action, decision.logged) == ("route", True)
    assert store.decision(decision.decision_id)["action"] == "route"
