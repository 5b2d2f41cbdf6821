"""A policy on trial that does harm loses its traffic, and the reason is kept."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from router.current_policy import CANDIDATE, read_current
from router.decisions import Decision, Outcome, new_decision_id
from router.encoders import HashingEncoder
from router.errors import StoreError
from router.events import Decided, PolicyChanged, Undecided
from router.log.feed import ReportFeed
from router.log.store import LogStore
from router.policy import Policy
from router.requests import Request
from router.rollout import tallies
from router.rollout.guardrails import GuardRules
from router.rollout.history import recent
from router.rollout.promotion import promote
from router.rollout.tallies import Tally
from service.counting import DecisionCounts
from service.following import Following
from service.guarding import Guarding

START = datetime(2026, 3, 1, tzinfo=UTC)


class World:
    def __init__(self, models: Path, store: LogStore, policies: dict[str, Policy]) -> None:
        self.models, self.store, self.policies, self.at = models, store, policies, START
        self.told: list[object] = []
        self.counts = DecisionCounts(lambda: self.at)
        self.guarding, self.following = self.another()

    def another(self) -> tuple[Guarding, Following]:
        """What another process on the same store watches with."""
        guarding = Guarding(self.models, self.store, GuardRules(), [self.told.append], lambda: self.at)
        return guarding, Following(ReportFeed(self.store), [guarding])

    def look(self) -> None:
        self.counts.publish(self.store)
        self.following.look()

    def decided(self, name: str) -> tuple[Request, Decision]:
        request = Request.from_mapping({"prompt": "What is 2 + 2?"})
        return request, self.policies[name].decide(request, HashingEncoder().encode([request.text])[0], self.at)

    def calls(self, name: str, n: int, **said: object) -> None:
        request, one = self.decided(name)
        for _ in range(n):
            decision = replace(one, decision_id=new_decision_id())
            self.store.append(decision, request)
            self.counts(Decided(decision))
            outcome = Outcome(decision.decision_id, **{"usd": Decimal("0.001"), "correct": 1.0, **said})
            last = self.store.report(outcome, lambda *given: None)
        last.result(20)

    def timed(self, name: str, n: int, seconds: float, counts: DecisionCounts | None = None) -> None:
        _, decision = self.decided(name)
        for _ in range(n):
            (counts or self.counts)(Decided(decision, seconds=seconds))


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
    assert share(world) == 0.1 and world.guarding.told()["policy"]["reported"] == 40


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
    world.look()
    for _ in range(20):
        world.counts(Undecided(world.policies["new"].version, "incumbent"))
    world.look()
    assert share(world) == 0.0


def test_a_fault_that_hits_every_process_a_little_trips_once(world: World) -> None:
    """Neither process alone has seen enough; whoever looks counts what both have, also after another looked before."""
    new = world.policies["new"].version
    promote(world.models, "new", 0.5, at=world.at)
    world.look()
    _, others_looks = world.another()
    beside = DecisionCounts(lambda: world.at)
    for counts in (world.counts, beside):
        world.timed("new", 30, 0.02, counts)
        for _ in range(4):
            counts(Undecided(new, "incumbent"))
    world.look()
    assert share(world) == 0.5
    beside.publish(world.store)
    others_looks.look()  # the lease has moved on
    assert share(world) == 0.0
    world.look(), others_looks.look()
    assert [type(one) for one in world.told] == [PolicyChanged]
    with world.store.reading() as connection:
        assert recent(connection)[0].evidence["guards"]["undecided"] == {"undecided": 8, "requests": 68}


def test_counts_that_the_store_did_not_take_are_told_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    version = world.policies["new"].version

    def away(work: object) -> None:
        raise StoreError("away")

    world.counts(Undecided(version, "incumbent"))
    with monkeypatch.context() as patch, pytest.raises(StoreError):
        patch.setattr(world.store, "write", away)
        world.counts.publish(world.store)
    world.counts(Undecided(version, "incumbent"))
    world.counts.publish(world.store), world.counts.publish(world.store)
    with world.store.reading() as connection:
        assert tallies.read(connection, [version]) == {version: Tally(undecided=2)}


def test_a_candidate_that_makes_route_slow_is_rolled_back(world: World) -> None:
    promote(world.models, "new", 0.5, at=world.at)
    world.look()
    for _ in range(4):
        for name, seconds in (("old", 0.02), ("new", 0.4)):
            world.timed(name, 120, seconds)
        world.look()
    assert share(world) == 0.0
    with world.store.reading() as connection:
        kept = recent(connection)[0]
    assert "/route took longer than" in kept.reason
    assert kept.evidence["guards"]["route-p99"]["slow"] == kept.evidence["guards"]["route-p99"]["decided"] > 0
    assert kept.evidence["policy"]["route_p99_seconds"] == pytest.approx(0.4, rel=0.06)


def test_requests_that_it_is_late_for_count_as_slow(world: World) -> None:
    promote(world.models, "new", 0.5, at=world.at)
    world.look()
    for _ in range(4):
        world.timed("old", 120, 0.02)
        world.timed("new", 100, 0.02)
        for _ in range(20):
            world.counts(Undecided(world.policies["new"].version, "safe-route", 2.0))
        world.look()
    with world.store.reading() as connection:
        kept = recent(connection)[0]
    assert share(world) == 0.0 and set(kept.evidence["guards"]) == {"route-p99"}


def test_an_hour_in_which_everything_is_slow_tells_against_nobody(world: World) -> None:
    promote(world.models, "new", 0.5, at=world.at)
    world.look()
    for seconds in (0.02, 0.02, 0.4, 0.4, 0.4):
        for name in ("old", "new"):
            world.timed(name, 120, seconds)
        world.look()
    assert share(world) == 0.5 and world.guarding.told()["route_time"]["slow"] == 120


def test_any_process_tells_where_the_guardrails_stand(world: World) -> None:
    promote(world.models, "new", 0.5, at=world.at)
    world.look()
    told = world.another()[0].told()
    assert told == world.guarding.told() and told["watched"] == world.policies["new"].version
    promote(world.models, "new", 0.0, at=world.at)
    world.look()
    assert world.another()[0].told() == {}


def test_without_a_trial_nothing_is_watched(world: World) -> None:
    world.calls("old", 5, status="error")
    world.following.look()
    assert world.guarding.told() == {} and world.told == []
