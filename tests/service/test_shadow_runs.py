"""Alternatives run at an endpoint: booked, scored, capped, and harmless when the endpoint is not well."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from router.decisions import Outcome
from router.encoders import HashingEncoder
from router.events import ShadowRun
from router.log.store import LogStore
from router.policy import Policy
from router.requests import Request
from router.shadow.comparison import Comparison
from router.shadow.daily_cap import DailyCap
from router.shadow.frame import read_shadows
from router.shadow.tables import shadows
from router.spend.spending import Spending
from service.endpoint import Endpoint
from service.shadow_runs import WAITING, ShadowRuns

AT = datetime(2026, 3, 1, tzinfo=UTC)
Handler = Callable[[httpx.Request], httpx.Response]


def completion(text: str) -> httpx.Response:
    usage = {"prompt_tokens": 1000, "completion_tokens": 100}
    return httpx.Response(200, json={"choices": [{"message": {"content": text}}], "usage": usage})


class World:
    def __init__(self, store: LogStore, incumbent: Policy, candidate: Policy) -> None:
        self.store, self.incumbent, self.candidate, self.spending = store, incumbent, candidate, Spending()
        self.told: list[object] = []
        self.asked: list[dict[str, object]] = []

    def runs(self, answer: Handler, usd: float = 1.0, judge: str | None = None, seconds: float = 5.0) -> ShadowRuns:
        def handle(request: httpx.Request) -> httpx.Response:
            self.asked.append(json.loads(request.content))
            return answer(request)

        endpoint = Endpoint("http://llm/v1/", "secret", seconds, httpx.MockTransport(handle))
        settling = lambda: self.spending.settling(self.price)  # noqa: E731
        return ShadowRuns(
            endpoint, DailyCap(usd, self.store), self.store, self.price, settling, judge, [self.told.append]
        )

    def price(self, route, usage, at):
        return self.incumbent.book.usd(route, usage, at)

    def decide(self, runs: ShadowRuns, text: str = "What is 2 + 2?", **given: object) -> str:
        request = Request.from_mapping({"prompt": text, **given})
        vector = HashingEncoder().encode([text])[0]
        taken, instead = (one.decide(request, vector, AT) for one in (self.incumbent, self.candidate))
        self.store.append(taken, request, self.spending.reserving(taken, request, self.price)).result(5)
        comparison = Comparison(request.tenant, taken, instead, True)
        self.store.write(lambda connection: connection.execute(shadows.insert(), [comparison.row()])).result(5)
        runs.run(request, comparison)
        return taken.decision_id

    def row(self):
        return read_shadows(self.store).iloc[0]

    def kinds(self) -> list[str]:
        with self.store.reading() as connection:
            return sorted(kind for (kind,) in connection.exec_driver_sql("SELECT kind FROM ledger_calls"))


@pytest.fixture
def world(store: LogStore, tiny_policy: Policy, write_policy: Callable[..., object]) -> World:
    return World(store, tiny_policy, Policy.load(write_policy("next", seed=1, value_usd=0.0)))


def test_an_alternative_is_run_and_booked(world: World) -> None:
    runs = world.runs(lambda request: completion("4"))
    world.decide(runs)
    runs.work()
    assert world.asked[0]["model"] == "gpt-4o-mini" and world.told == [ShadowRun("done")]
    assert world.kinds() == ["call", "shadow"]
    assert world.row().candidate_billed_usd == pytest.approx(0.00021) == runs.cap.spent


def test_a_reference_scores_both_answers(world: World) -> None:
    runs = world.runs(lambda request: completion("The sum is 4."))
    one = world.decide(runs)
    runs.work()
    runs.hear({"decision_id": one, "answer": "5", "shadow": {"reference": "4", "checker": "numeric"}})
    runs.work()
    assert (world.row().incumbent_correct, world.row().candidate_correct) == (0.0, 1.0)


def test_a_judge_scores_both_answers_alike(world: World) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        words = json.loads(request.content)["messages"][0]["content"]
        return completion("Yes." if "Answer:\n4" in words else "no") if "Answer:" in words else completion("4")

    runs = world.runs(answer, judge="gpt-4o")
    one = world.decide(runs)
    runs.work()
    runs.hear({"decision_id": one, "answer": {"content": "five"}})
    runs.work()
    assert (world.row().incumbent_correct, world.row().candidate_correct) == (0.0, 1.0)
    assert world.kinds() == ["call", "judge", "judge", "shadow"]


def test_a_cap_that_is_reached_runs_nothing_more(world: World) -> None:
    runs = world.runs(lambda request: completion("4"), usd=0.0)
    world.decide(runs)
    runs.work()
    assert world.asked == [] and world.told == [ShadowRun("over-cap")]


@pytest.mark.parametrize(
    "answer",
    [
        lambda request: httpx.Response(500),
        lambda request: httpx.Response(200, text="not json"),
        lambda request: httpx.Response(200, json={"choices": []}),
        lambda request: (_ for _ in ()).throw(httpx.ConnectError("no")),
    ],
)
def test_an_endpoint_that_fails_is_counted(world: World, answer: Handler) -> None:
    runs = world.runs(answer)
    world.decide(runs)
    runs.work()
    assert world.told == [ShadowRun("failed")] and not world.row().executed


def test_an_endpoint_that_trickles_is_given_up(world: World) -> None:
    class Trickle(httpx.SyncByteStream):
        def __iter__(self):
            for _ in range(1000):
                time.sleep(0.01)
                yield b" "

    runs = world.runs(lambda request: httpx.Response(200, stream=Trickle()), seconds=0.05)
    world.decide(runs)
    started = time.monotonic()
    runs.work()
    assert world.told == [ShadowRun("failed")] and time.monotonic() - started < 2


def test_a_stuck_endpoint_fills_the_queue_and_nothing_else(world: World) -> None:
    runs = world.runs(lambda request: completion("4"))
    one = world.decide(runs)
    for _ in range(WAITING + 5):
        runs.hear({"decision_id": one, "answer": "x"})
    assert world.told == [ShadowRun("dropped")] * 6


def test_requests_with_tools_are_not_run(world: World) -> None:
    runs = world.runs(lambda request: completion("4"))
    world.decide(runs, tools=[{"type": "function"}])
    runs.work()
    assert world.asked == [] and world.told == [ShadowRun("unsuitable")]


def test_texts_are_in_no_record(world: World) -> None:
    runs = world.runs(lambda request: completion("a very private answer"))
    one = world.decide(runs)
    world.store.report(Outcome(one, correct=1.0), world.price).result(5)
    runs.work()
    with world.store.reading() as connection:
        said = str(connection.exec_driver_sql("SELECT said FROM outcomes").all())
    assert "private" not in said
