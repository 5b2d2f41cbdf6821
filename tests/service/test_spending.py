"""Budgets, spend, costs and alerts over HTTP: what a caller and an operator see."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from router.encoders import HashingEncoder
from router.engine import Engine
from router.log.store import LogStore
from router.policy import Policy
from router.safe_route import SafeRoute
from router.settings import Settings
from router.spend.alert_log import announce
from router.spend.alert_rules import Alert
from router.spend.budgets import Budget
from router.spend.governance import Governance
from router.spend.spending import Spending
from router.spend.spending_file import LedgerRules, SpendingRules
from service.app import create_app
from service.metrics import Metrics

RULES = SpendingRules(
    budgets=(
        Budget("acme a day", {"tenant": "acme"}, "day", Decimal("0.01"), "hard", alert_at=(0.1,)),
        Budget("steps", {"task_id": "*"}, "task", None, "hard", max_calls=2),
    ),
    governance=Governance(models=("gpt-4o*",)),
)


class Client:
    def __init__(self, engine: Engine, metrics: Metrics) -> None:
        self.engine, self.app = engine, create_app(engine, Settings(), metrics)

    def call(self, method: str, path: str, **given: Any) -> httpx.Response:
        async def call() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://t") as client:
                return await client.request(method, path, **given)

        return asyncio.run(call())

    def route(self, **body: Any) -> httpx.Response:
        return self.call("POST", "/route", json={"prompt": "What is 2 + 2?", **body})


@pytest.fixture
def client(safe: SafeRoute, store: LogStore, tiny_policy: Policy) -> Iterator[Client]:
    metrics = Metrics()
    engine = Engine(safe, store, encoder=HashingEncoder(), hooks=[metrics], spending=Spending(lambda: RULES))
    engine.swap(tiny_policy)
    yield Client(engine, metrics)
    engine.close()


def exhausted(client: Client, **body: Any) -> httpx.Response:
    return next(answer for answer in (client.route(**body) for _ in range(9)) if answer.status_code != 200)


def test_a_decision_says_where_its_fullest_budget_stands(client: Client) -> None:
    budget = client.route(tenant="acme").json()["budget"]
    assert (budget["name"], budget["limit_usd"], budget["calls"]) == ("acme a day", "0.01", 1)
    assert 0 < Decimal(budget["held_usd"]) <= Decimal("0.01") and budget["resets_at"]
    assert client.route(tenant="other").json()["budget"] is None
    assert client.route(tenant="other", task_id="t").json()["budget"]["name"] == "steps"


def test_a_daily_budget_refuses_with_429_until_its_reset(client: Client) -> None:
    refused = exhausted(client, tenant="acme")
    problem = refused.json()
    assert (refused.status_code, problem["type"]) == (429, "urn:tierwise:problem:budget")
    assert refused.headers["content-type"] == "application/problem+json"
    left = (datetime.fromisoformat(problem["resets_at"]) - datetime.now(UTC)).total_seconds()
    assert float(refused.headers["retry-after"]) == pytest.approx(left, abs=30)
    assert refused.headers["ratelimit"].startswith('"acme a day";r=0;t=')
    assert (problem["budget"], problem["scope"]) == ("acme a day", {"tenant": "acme"})
    assert client.engine.store.counts()[0] < 9


def test_a_step_cap_refuses_with_402_for_it_never_resets(client: Client) -> None:
    refused = exhausted(client, task_id="loop")
    assert (refused.status_code, refused.json()["limit"]) == (402, "2 calls")
    assert "retry-after" not in refused.headers


def test_what_is_not_granted_is_403(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = SpendingRules(governance=Governance(models=("none",)))
    monkeypatch.setattr(client.engine.spending, "rules", lambda: closed)
    refused = client.route(tenant="acme")
    assert (refused.status_code, refused.json()["tenant"]) == (403, "acme")
    assert refused.json()["missing"] == ["a grant of model gpt-4o", "a grant of model gpt-4o-mini"]


def test_refusals_and_alerts_are_counted(client: Client) -> None:
    exhausted(client, tenant="acme")
    text = client.call("GET", "/metrics").text
    assert 'tierwise_spending_refusals_total{cause="BudgetExceededError"} 1.0' in text
    assert 'tierwise_budget_crossings_total{budget="acme a day"}' in text


def test_a_strict_budget_that_cannot_be_checked_is_503(safe: SafeRoute, tiny_policy: Policy) -> None:
    budget = Budget("s", {}, "day", Decimal(1), "hard", strict=True)
    rules = SpendingRules(LedgerRules(when_down="closed"), (budget,))
    engine = Engine(safe, None, encoder=HashingEncoder(), spending=Spending(lambda: rules))
    engine.swap(tiny_policy)
    assert Client(engine, Metrics()).route().status_code == 503
    engine.close()


def test_spend_is_asked_by_any_dimension(client: Client) -> None:
    decided = client.route(tenant="other", feature="chat", tags={"team": "red"}).json()
    usage = {"prompt_tokens": 1000, "completion_tokens": 100}
    outcome = {"decision_id": decided["decision_id"], "tenant": "other", "usage": usage, "resolved": True}
    assert client.call("POST", "/outcomes", json=outcome).json()["usd"] == "0.0035"
    found = client.call("GET", "/spend", params={"by": "tenant,feature,tags.team", "units": "1"}).json()
    [row] = found["rows"]
    assert (row["tenant"], row["feature"], row["tags.team"]) == ("other", "chat", "red")
    assert (row["spent_usd"], row["usd_per_resolved_task"]) == ("0.0035", "0.003500000000")
    assert "by_routing" in found["definitions"]
    narrowed = client.call("GET", "/spend", params={"by": "", "tenant": "nobody"}).json()
    assert narrowed["rows"] == [] and narrowed["total"]["spent_usd"] == "0"


@pytest.mark.parametrize(
    "path, params, field",
    [
        ("/spend", {"by": "colour"}, "by"),
        ("/spend", {"since": "yesterday"}, "since"),
        ("/spend", {"colour": "red"}, "where"),
        ("/budgets", {"model": "x"}, "model"),
        ("/prefix-cache", {"since": "x"}, "since"),
    ],
)
def test_a_wrong_question_names_its_field(client: Client, path: str, params: dict[str, str], field: str) -> None:
    answer = client.call("GET", path, params=params)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_budgets_of_an_owner(client: Client) -> None:
    client.route(tenant="acme")
    found = client.call("GET", "/budgets", params={"tenant": "acme"}).json()["budgets"]
    assert [(one["name"], one["calls"]) for one in found if one["name"] == "acme a day"] == [("acme a day", 1)]
    assert client.call("GET", "/budgets").json()["budgets"] == []


def test_a_cost_without_a_decision_is_booked_once(client: Client) -> None:
    cost = {"id": "judge-1", "kind": "judge", "tenant": "other", "usd": "0.25"}
    answers = [client.call("POST", "/costs", json=cost).json() for _ in range(2)]
    assert [one["repeated"] for one in answers] == [False, True]
    assert client.call("GET", "/spend").json()["total"]["spent_usd"] == "0.25"
    for wrong in (b"[1]", b'{"id": "x"}', b'{"id": "x", "usd": -1}'):
        assert client.call("POST", "/costs", content=wrong).status_code == 422
    assert client.call("POST", "/costs", content=b"{").status_code == 400


def test_alerts_are_read_and_silenced(client: Client) -> None:
    alert = Alert("tenant-spend", "acme", datetime.now(UTC), "acme spends", {"usd": 3.0})
    client.engine.store.write(lambda c: announce(c, alert, silence_of(6))).result(5)
    assert client.call("GET", "/alerts").json()["alerts"][0]["message"] == "acme spends"
    silence = {"rule": "tenant-spend", "subject": "acme", "minutes": 60}
    assert client.call("POST", "/alerts/silences", json=silence).status_code == 200
    assert not client.engine.store.write(lambda c: announce(c, alert, silence_of(0))).result(5)
    for wrong in ({"rule": "x"}, {"subject": ""}, {"minutes": -1}, {"minutes": True}):
        assert client.call("POST", "/alerts/silences", json=silence | wrong).status_code == 422


def silence_of(hours: float) -> Any:
    from datetime import timedelta

    return timedelta(hours=hours)


def test_prefix_caches_are_told_by_cause(client: Client) -> None:
    for minute in (1, 2):
        messages = [{"role": "system", "content": f"It is 10:0{minute}."}, {"role": "user", "content": "Hi"}]
        decided = client.route(prompt=None, messages=messages, session="s", tenant="other").json()
        outcome = {"decision_id": decided["decision_id"], "tenant": "other", "input_tokens": 100, "output_tokens": 1}
        client.call("POST", "/outcomes", json=outcome)
    [found] = client.call("GET", "/prefix-cache").json()["sessions"]
    assert {cause: sums["turns"] for cause, sums in found["causes"].items()} == {"first": 1, "volatile": 1}
    assert found["advice"][0]["what"].startswith("move the timestamp")
