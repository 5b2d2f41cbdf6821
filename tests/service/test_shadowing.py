"""Shadow traffic through the service: asked for, reported, shown, and never in the way."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import httpx
import pytest

from router.encoders import HashingEncoder
from router.engine import Engine, Limits
from router.log.store import LogStore
from router.policy import Policy
from router.rollout.stages import Trial
from router.safe_route import SafeRoute
from router.settings import Settings
from router.shadow.beside import Shadow, ShadowRules
from router.steps import choose
from service.app import create_app
from service.metrics import Metrics
from service.watching import Watching


class Service:
    def __init__(self, engine: Engine) -> None:
        self.engine, self.metrics = engine, Metrics()
        engine.hooks = (self.metrics,)
        self.app = create_app(engine, Settings(cache=False), self.metrics)

    def call(self, method: str, path: str, **given: object) -> httpx.Response:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://tierwise") as client:
                return await client.request(method, path, **given)  # type: ignore[arg-type]

        return asyncio.run(once())


@pytest.fixture
def engine(safe: SafeRoute, store: LogStore, tiny_policy: Policy) -> Iterator[Engine]:
    made = Engine(safe, store, encoder=HashingEncoder(), limits=Limits(1.0, 1.0))
    made.swap(tiny_policy)
    yield made
    made.close()


@pytest.fixture
def watched(engine: Engine, write_policy: Callable[..., object]) -> Iterator[Callable[..., Service]]:
    candidate, made = Policy.load(write_policy("next", seed=1, value_usd=0.0)), []

    def make(decide=choose, execute: float = 1.0) -> Service:
        assert engine.store is not None
        shadow = Shadow(engine.store, ShadowRules(execute=execute), decide=decide)
        engine.try_policy(Trial(candidate, 0.0))
        shadow.use(candidate)
        engine.watcher = Watching([shadow])
        shadow.start()
        made.append(shadow)
        return Service(engine)

    yield make
    for shadow in made:
        shadow.close()


def test_a_sampled_decision_asks_and_its_report_is_shown(watched: Callable[..., Service]) -> None:
    service = watched()
    told = service.call("POST", "/route", json={"prompt": "What is 2 + 2?", "task": "sums"}).json()
    assert told["route"] == "gpt-4o|none" and told["shadow"]["route"] == "gpt-4o-mini|none"
    report = {"decision_id": told["decision_id"], "correct": 0, "usd": "0.002"}
    report |= {"shadow": {"correct": 1, "input_tokens": 10, "output_tokens": 1}}
    assert service.call("POST", "/outcomes", json=report).status_code == 200
    shown = service.call("GET", "/shadow").json()
    whole = shown["slices"][0]
    assert (whole["n"], whole["executed"], whole["correct"]["value"]) == (1, 1, 1.0)
    assert whole["billed_usd"]["value"] < 0 and whole["billed_usd"]["low"] is None


def test_an_unsampled_decision_says_nothing_of_shadows(watched: Callable[..., Service]) -> None:
    assert "shadow" not in watched(execute=0.0).call("POST", "/route", json={"prompt": "What is 2 + 2?"}).json()


def test_a_stuck_candidate_costs_a_sampled_caller_little_and_changes_nothing(watched: Callable[..., Service]) -> None:
    stuck = threading.Event()

    def wait(*given: object) -> object:
        stuck.wait(20)
        raise RuntimeError("late")

    answer = watched(decide=wait).call("POST", "/route", json={"prompt": "What is 2 + 2?"})
    stuck.set()
    assert answer.json()["route"] == "gpt-4o|none" and "shadow" not in answer.json()
    assert answer.elapsed.total_seconds() < 5


def test_without_a_candidate_there_is_nothing_to_show(engine: Engine) -> None:
    assert Service(engine).call("GET", "/shadow").json()["slices"] == []


def test_a_wrong_moment_is_named(watched: Callable[..., Service]) -> None:
    answer = watched().call("GET", "/shadow?since=soon")
    assert answer.status_code == 422 and answer.json()["field"] == "since"
