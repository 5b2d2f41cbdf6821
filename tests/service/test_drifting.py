"""Drift is told with its slice, its size and what was done; a fresh policy that disappoints goes back."""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from router.current_policy import read_current
from router.drift.shared_inputs import KEPT_SECONDS
from router.encoders import HashingEncoder
from router.engine import Engine
from router.events import PolicyChanged
from router.log.feed import Known
from router.log.store import LogStore
from router.policy import Policy
from router.requests import Request
from router.rollout.promotion import promote
from router.safe_route import SafeRoute
from router.seen import Seen
from router.spend.alert_rules import Alert
from service.bodies import json_answer
from service.drifting import LOOK_EVERY, Drifting
from service.inputs import SeenInputs

AT = datetime(2026, 3, 1, tzinfo=UTC)


class World:
    def __init__(self, engine: Engine, models: Path, retrain: Callable[[str], str | None]) -> None:
        self.engine, self.at, self.rng = engine, AT, np.random.default_rng(0)
        self.announced: list[Alert] = []
        self.told: list[object] = []
        self.drifting = Drifting(
            engine, models, self.announced.extend, [self.told.append], retrain, clock=lambda: self.at
        )

    def outcomes(self, looks: int, right: float, p: float = 0.8) -> list[Alert]:
        found: list[Alert] = []
        assert self.engine.policy is not None
        for _ in range(looks):
            for one in self.rng.random(40) < right:
                facts = {"correct": float(one)}
                self.drifting.take(
                    Known(
                        "d",
                        self.at,
                        "acme",
                        None,
                        self.engine.policy.version,
                        "route",
                        "m|none",
                        {"p_correct": p},
                        facts,
                        frozenset(facts),
                    )
                )
            found += self.look()
        return found

    def look(self) -> list[Alert]:
        self.at += LOOK_EVERY
        return self.drifting.look()


@pytest.fixture
def world(tmp_path: Path, safe: SafeRoute, store: LogStore, write_policy: Callable[..., Path]) -> World:
    write_policy("old")
    folder = write_policy("new", seed=1)
    promote(tmp_path / "models", "old", 1.0, at=AT - timedelta(days=30))
    engine = Engine(safe, store, encoder=HashingEncoder())
    engine.swap(Policy.load(folder))
    return World(engine, tmp_path / "models", lambda reason: f"started a retraining ({reason.split(':')[0]})")


def test_quality_that_drops_is_told_with_what_was_done(world: World) -> None:
    assert world.outcomes(20, right=0.8) == []
    found = world.outcomes(40, right=0.6)
    assert {one.rule for one in found} == {"drift-calibration"} and world.announced == found
    whole = next(one for one in found if one.subject.endswith(": all"))
    assert whole.evidence["side"] == "down" and whole.evidence["now"] < -0.03
    assert whole.evidence["done"] == "started a retraining (drift of calibration)"
    assert world.drifting.alarms and world.drifting.state


def test_a_policy_promoted_yesterday_goes_back_when_it_disappoints(world: World, tmp_path: Path) -> None:
    models = tmp_path / "models"
    promote(models, "new", 1.0, at=AT)
    found = world.outcomes(60, right=0.5)
    assert any("was rolled back" in one.message for one in found)
    current = read_current(models)
    assert current is not None and current.folder.name == "old"
    assert [type(one) for one in world.told] == [PolicyChanged]


def test_requests_of_another_kind_are_told(world: World) -> None:
    policy, encoder = world.engine.policy, HashingEncoder()
    assert policy is not None

    def seen(text: str) -> Seen:
        request = Request.from_prompt(text)
        vector = encoder.encode([text])[0]
        return Seen(request, vector, policy.decide(request, vector, AT))

    sums = [seen(f"What is {i} + 2?") for i in range(40)]
    functions = [seen(f"def f{i}(x): return x  # explain this function {i}, at length") for i in range(40)]
    processes = [SeenInputs(world.engine), SeenInputs(world.engine)]  # this one, and another on the same store
    found: list[Alert] = []
    for look in range(40):
        for one in processes[look % 2], processes[1]:
            for asked in (sums if look < 20 or one is processes[0] else functions)[look % 2 :: 2]:
                one.offer(asked)
        for one in processes:
            one.publish()
        found += world.look()
    assert {one.rule for one in found} == {"drift-inputs"} and len(found) > 1
    assert world.drifting.state[0]["n"] > 0


def test_inputs_of_another_policy_or_of_long_ago_are_left_out(world: World) -> None:
    policy, encoder, moments = world.engine.policy, HashingEncoder(), [1_000.0]
    assert policy is not None and world.engine.store is not None
    request = Request.from_prompt("What is 2 + 2?")
    vector = encoder.encode([request.text])[0]
    decision, inputs = policy.decide(request, vector, AT), SeenInputs(world.engine, lambda: moments[-1])
    inputs.offer(Seen(request, vector, replace(decision, policy="another")))
    inputs.publish()
    world.look()
    assert list(world.drifting.state) == []
    inputs.offer(Seen(request, vector, decision))
    inputs.publish()
    moments.append(moments[-1] + KEPT_SECONDS + 1)
    inputs.offer(Seen(request, vector, decision))
    inputs.publish()
    world.look()
    assert {one["n"] for one in world.drifting.state if one["slice"] != "all"} == {1}


def test_another_policy_begins_anew(world: World, tmp_path: Path) -> None:
    world.outcomes(5, right=0.8)
    world.engine.swap(Policy.load(tmp_path / "models" / "old"))
    world.look()
    assert list(world.drifting.state) == []


def test_between_looks_nothing_is_looked_at(world: World) -> None:
    world.look()
    assert world.drifting.look() == []


def test_a_process_that_does_not_look_tells_what_the_other_found(
    world: World, tmp_path: Path, safe: SafeRoute, store_url: str
) -> None:
    world.outcomes(20, right=0.8)
    assert world.outcomes(40, right=0.6)
    with closing(LogStore(store_url)) as store:
        beside = Drifting(Engine(safe, store), tmp_path / "models", lambda alerts: None)
        told = beside.told()
    assert told["alarms"] == list(world.drifting.alarms) and told["streams"] == list(world.drifting.state)
    assert json.loads(json_answer(told).body) == told  # as GET /drift answers it


def test_alarms_outlive_the_process_that_raised_them(world: World, tmp_path: Path) -> None:
    world.outcomes(20, right=0.8)
    world.outcomes(40, right=0.6)
    before = list(world.drifting.alarms)
    after = Drifting(world.engine, tmp_path / "models", lambda alerts: None, clock=lambda: world.at + LOOK_EVERY)
    after.look()
    assert not after.alarms and after.told()["alarms"] == before
