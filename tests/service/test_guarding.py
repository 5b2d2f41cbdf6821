"""A policy on trial that does harm loses its traffic, and the reason is kept."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from router.current_policy import CANDIDATE, read_current
from router.decisions import Outcome
from router.encoders import HashingEncoder
from router.events import CandidateFailed, Decided, PolicyChanged
from router.log.feed import ReportFeed
from router.log.store import LogStore
from router.policy import Policy
from router.requests import Request
from router.rollout.guardrails import GuardRules
from router.rollout.history import recent
from router.rollout.promotion import promote
from service.following import Following
from service.guarding import DecisionCounts, Guarding

START = datetime(2026, 3, 1, tzinfo=UTC)


class World:
    def __init__(self, models: Path, store: LogStore, policies: dict[str, Policy]) -> None:
        self.models, self.store, self.policies, self.at = models, store, policies, START
        self.told: list[object] = []
        self.counts = DecisionCounts()
        self.guarding = Guarding(models, store, GuardRules(), self.counts, [self.told.append], lambda: self.at)
        self.following = Following(ReportFeed(store), [self.guarding])

    def calls(self, name: str, n: int, **said: object) -> None:
        for i in range(n):
            request = Request.from_mapping({"prompt": f"What is {i} + 2?"})
            vector = HashingEncoder().encode([request.text])[0]
            decision = self.policies[name].decide(request, vector, self.at)
            self.store.append(decision, request)
            self.counts(Decided(decision))
            outcome = Outcome(decision.decision_id, **{"usd": Decimal("0.001"), "correct": 1.0, **said})
            last = self.store.report(outcome, lambda *given: None)
        last.result(20)


@pytest.fixture
def world(tmp_path: Path, store: LogStore, write_policy: Callable[..., Path]) -> World:
    folders = {name: write_policy(name, seed=seed) for seed, name in enumerate(("old", "new"))}
    models = tmp_path / "models"
    promote(models, "old", 1.0, at=START - timedelta(days=9))
    return World(models, store, {name: Policy.load(folder) for name, folder in folders.items()})


def share(world: World) -> float:
    candidate = read_current(world.models, CANDIDATE)
    assert candidate is not None
    return float(candidate.facts["share"])


def test_a_candidate_whose_calls_fail_is_rolled_back_with_its_reason(world: World) -> None:
    world.calls("old", 120)
    promote(world.models, "new", 0.1, at=world.at)
    world.calls("new", 40, status="error", correct=None, usd=None)
    world.following.look()
    assert share(world) == 0.0
    with world.store.reading() as connection:
        kept = recent(connection)[0]
    assert (kept.action, kept.by) == ("rollback", "guardrails") and "40 of 40 calls failed" in kept.reason
    assert kept.evidence["guards"]["error-rate"]["failed"] == 40
    assert [type(one) for one in world.told] == [PolicyChanged]


def test_a_harmless_candidate_keeps_its_share(world: World) -> None:
    world.calls("old", 120)
    promote(world.models, "new", 0.1, at=world.at)
    world.calls("new", 40)
    world.following.look()
    assert share(world) == 0.1 and world.guarding.readings["policy"]["reported"] == 40


def test_a_promoted_policy_falls_back_within_a_day_and_not_later(world: World) -> None:
    world.calls("old", 120)
    promote(world.models, "new", 1.0, at=world.at)
    world.calls("new", 40, status="error", correct=None, usd=None)
    world.at += timedelta(hours=25)
    world.following.look()
    assert (read_current(world.models) or 0).folder.name == "new"  # type: ignore[union-attr]
    world.at -= timedelta(hours=2)
    world.following.look()
    assert (read_current(world.models) or 0).folder.name == "old"  # type: ignore[union-attr]


def test_a_candidate_that_leaves_requests_undecided_is_rolled_back(world: World) -> None:
    promote(world.models, "new", 0.5, at=world.at)
    world.following.look()
    for _ in range(20):
        world.counts(CandidateFailed(world.policies["new"].version))
    world.following.look()
    assert share(world) == 0.0


def test_without_a_trial_nothing_is_watched(world: World) -> None:
    world.calls("old", 5, status="error")
    world.following.look()
    assert world.guarding.readings == {} and world.told == []
