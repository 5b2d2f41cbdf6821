"""The service over HTTP, without a network: what callers see when all is well and when something is broken."""

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import httpx
import numpy as np
import orjson
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from router.encoders import HashingEncoder
from router.engine import Engine, Limits
from router.log.store import LogStore
from router.outcomes import FIELDS
from router.policy import Policy
from router.requests import Constraints, Request
from router.safe_route import SafeRoute
from router.settings import Settings
from service.app import create_app
from service.metrics import Metrics

AT = datetime(2026, 3, 1, tzinfo=UTC)
OPEN = "open: anyone who reaches this address may call"
PROMPT = {"prompt": "What is 2 + 2?"}


class Service:
    """An app and a client that calls it in this process."""

    def __init__(self, engine: Engine, metrics: Metrics, **limits: int) -> None:
        self.engine, self.metrics = engine, metrics
        self.app: FastAPI = create_app(engine, Settings(cache=False, **limits), metrics)

    def call(self, method: str, path: str, **given) -> httpx.Response:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://tierwise") as client:
                return await client.request(method, path, **given)

        return asyncio.run(once())

    def route(self, **given) -> dict:
        answer = self.call("POST", "/route", json=PROMPT | given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"tierwise_{name}", labels) or 0.0


@pytest.fixture
def engine(safe: SafeRoute, store: LogStore) -> Iterator[Engine]:
    made = Engine(safe, store, encoder=HashingEncoder(), limits=Limits(1.0, 0.3), clock=lambda: AT)
    yield made
    made.close()


@pytest.fixture
def bare(engine: Engine) -> Service:
    """A service without a policy."""
    metrics = Metrics()
    engine.hooks = (metrics,)
    return Service(engine, metrics, max_body_bytes=100_000)


@pytest.fixture
def service(bare: Service, tiny_policy: Policy) -> Service:
    bare.engine.swap(tiny_policy)
    return bare


def test_the_answer_is_exactly_the_policys_decision(service: Service, tiny_policy: Policy) -> None:
    for given_body in ({}, {"value_usd": 0.0001}, {"objective": "best"}, {"objective": "cheapest"}, {"task": "sums"}):
        answer = service.route(**given_body)
        request = Request.from_mapping(PROMPT | given_body)
        decision = tiny_policy.decide(request, HashingEncoder().encode([request.text])[0], AT)
        assert answer["route"] == decision.chosen.route.key
        assert answer["p_correct"] == {
            "value": decision.chosen.p_correct,
            "low": decision.chosen.p_low,
            "high": decision.chosen.p_high,
        }
        assert answer["expected_usd"] == decision.chosen.expected_usd
        assert [one["route"] for one in answer["alternatives"]] == [one.route.key for one in decision.alternatives]
        assert (answer["parameters"], answer["reason"]) == (decision.parameters, decision.reason)
        assert answer["max_output_tokens"] == decision.chosen.max_output_tokens


def test_the_answer_has_all_that_is_promised(service: Service) -> None:
    answer = service.route(objective="best")
    promised = "decision_id action route model effort tier max_output_tokens parameters p_correct expected_usd"
    promised += " alternatives value_usd propensity policy reason fallback logged task unlike"
    assert set(promised.split()) <= set(answer)
    assert (answer["value_usd"], answer["logged"], answer["fallback"]) == ("best", True, None)
    assert service.count("decisions_total", action="route", tier=answer["tier"]) == 1


def test_server_timing_and_trace_are_told(service: Service) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = service.call("POST", "/route", json=PROMPT, headers={"traceparent": trace})
    assert answer.headers["traceparent"] == trace
    assert re.findall(r"(\w+);dur=\d+\.\d+", answer.headers["server-timing"]) == [
        "encode",
        "cache",
        "decide",
        "log",
        "total",
    ]
    for wrong in ("00-" + "0" * 32 + "-b7ad6b7169203331-01", "nonsense"):
        assert "traceparent" not in service.call("GET", "/healthz", headers={"traceparent": wrong}).headers


def test_outcomes_are_joined_repeated_and_in_conflict(service: Service) -> None:
    decision_id = service.route()["decision_id"]
    report = {"decision_id": decision_id, "correct": 1, "input_tokens": 1000, "output_tokens": 100}
    first, again = (service.call("POST", "/outcomes", json=report).json() for _ in range(2))
    done = {
        "status": "done",
        "decision_id": decision_id,
        "recorded": True,
        "conflicts": {},
        "usd": "0.0035",
        "cache": None,
    }
    assert (first, again) == (done | {"repeated": False}, done | {"repeated": True})
    changed = service.call("POST", "/outcomes", json=report | {"correct": 0}).json()
    assert changed["conflicts"] == {"correct": {"before": 1.0, "now": 0.0}}
    assert [service.count("outcome_reports_total", result=one) for one in ("recorded", "repeated", "conflicting")] == [
        1,
        1,
        1,
    ]


def test_an_idempotency_key_is_honoured(service: Service) -> None:
    report, key = {"decision_id": service.route()["decision_id"], "correct": 1}, {"Idempotency-Key": "k1"}
    repeated = [service.call("POST", "/outcomes", json=report, headers=key).json()["repeated"] for _ in range(2)]
    assert repeated == [False, True]
    answer = service.call("POST", "/outcomes", json=report | {"correct": 0}, headers=key)
    assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")


@pytest.mark.parametrize("change", [{"decision_id": "nobody"}, {"tenant": "rival"}])
def test_unknown_and_foreign_decisions_are_404(service: Service, change: dict) -> None:
    report = {"decision_id": service.route()["decision_id"], "correct": 1} | change
    answer = service.call("POST", "/outcomes", json=report)
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:tierwise:problem:unknown-decision")
    assert service.count("outcome_reports_total", result="unknown-decision") == 1


def test_the_views(service: Service, tiny_policy: Policy) -> None:
    frontier = service.call("GET", "/frontier").json()
    assert frontier["points"][-1] == {"value_usd": "best", "usd": 0.002, "accuracy": 0.9}
    assert frontier["operating_point"]["value_usd"] == 1.0
    current = service.call("GET", "/policies").json()["current"]
    assert (current["version"], current["folder"]) == (tiny_policy.version, str(tiny_policy.folder))
    assert [one["route"] for one in current["routes"]] == ["gpt-4o-mini|none", "gpt-4o|none"]
    assert service.call("GET", "/healthz").json() == {"status": "alive", "access": OPEN}
    assert service.call("GET", "/readyz").json() == {"ready": True, "reasons": [], "access": OPEN}
    text = service.call("GET", "/metrics").text
    assert f'tierwise_policy_info{{version="{tiny_policy.version}"}} 1.0' in text
    assert "tierwise_decisions_waiting 0.0" in text


def test_the_openapi_document_names_every_path_and_resolves(service: Service) -> None:
    document = service.call("GET", "/openapi.json").json()
    ours = "route outcomes frontier policies cache cache/invalidate alerts alerts/silences budgets prefix-cache costs"
    ours += " spend drift shadow policies/promote policies/rollback privacy/forget healthz readyz metrics"
    # the planner documents its own paths: see test_plan.py
    told = {one for one in document["paths"] if not one.startswith(("/plan/", "/prices/"))}
    assert told == {f"/{path}" for path in ours.split()}
    references = set(re.findall(r"#/components/schemas/(\w+)", orjson.dumps(document).decode()))
    assert (
        {"RouteBody", "RouteAnswer", "OutcomeBody", "Problem"} <= references <= set(document["components"]["schemas"])
    )
    for example in document["components"]["schemas"]["RouteBody"]["examples"]:
        Request.from_mapping(example)


def test_without_a_policy_route_answers_and_readiness_says_why(bare: Service) -> None:
    answer = bare.route()
    assert (answer["action"], answer["fallback"], answer["logged"]) == ("fallback", "no-policy", True)
    assert (answer["route"], answer["p_correct"]["value"], answer["value_usd"]) == ("gpt-4o-mini|none", None, None)
    ready = bare.call("GET", "/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert "no policy is loaded" in ready.json()["reasons"][0]
    assert bare.call("GET", "/frontier").status_code == 404
    listed = bare.call("GET", "/policies").json()
    assert (listed["current"], listed["candidate"], listed["safe_route"]) == (None, None, "gpt-4o-mini|none")
    assert bare.count("fallbacks_total", cause="no-policy") == 1


def fail(*args: object, **kwargs: object) -> None:
    raise RuntimeError("broken")


def break_policy(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.engine.policy, "estimate", fail)


def break_price(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.engine.policy, "book", SimpleNamespace(rates=fail))


def break_encoder(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.engine.encoder, "encode", fail)


def slow_encoder(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.engine.limits = Limits(0.05, 0.3)
    monkeypatch.setattr(service.engine.encoder, "encode", lambda texts: time.sleep(0.2))


FAULTS: dict[str, Callable[[Service, pytest.MonkeyPatch], None]] = {
    "policy-error": break_policy,
    "price-error": break_price,
    "encoder-error": break_encoder,
    "encoder-timeout": slow_encoder,
}


@pytest.mark.parametrize("cause", FAULTS)
def test_a_fault_inside_is_the_safe_route_marked_and_counted(
    service: Service, monkeypatch: pytest.MonkeyPatch, cause: str
) -> None:
    FAULTS[cause](service, monkeypatch)
    answer = service.route()
    assert (answer["action"], answer["fallback"], answer["route"]) == ("fallback", cause, "gpt-4o-mini|none")
    assert answer["parameters"] == {"model": "gpt-4o-mini", "max_completion_tokens": 1024}
    assert service.count("fallbacks_total", cause=cause) == 1
    assert "broken" not in orjson.dumps(answer).decode()


@pytest.mark.parametrize("pragma", ["query_only = ON", "max_page_count = 1"])
def test_a_store_that_cannot_write_costs_the_log_only(service: Service, pragma: str) -> None:
    """A store turned read-only, and a full disk."""

    def spoil(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA {pragma}")

    service.engine.store.probe().result(5)
    service.engine.store._writer.submit(spoil).result(5)
    answers = [service.route() for _ in range(20)]
    unlogged = [one for one in answers if not one["logged"]]
    assert unlogged and all(one["action"] == "route" for one in answers)
    assert service.count("unlogged_decisions_total", cause="store-error") == len(unlogged)
    assert service.route()["logged"]


def test_a_report_that_cannot_be_kept_is_never_acknowledged(service: Service) -> None:
    decision_id = service.route()["decision_id"]
    service.engine.store._writer.submit(lambda one: one.exec_driver_sql("PRAGMA query_only = ON") and None).result(5)
    report = {"decision_id": decision_id, "correct": 1}
    refused = service.call("POST", "/outcomes", json=report)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert "readonly" in refused.json()["detail"]
    assert service.count("outcome_reports_total", result="store-error") == 1
    assert service.call("POST", "/outcomes", json=report).json()["repeated"] is False


def test_a_store_that_cannot_be_opened_costs_readiness_not_answers(
    safe: SafeRoute, tmp_path: Path, tiny_policy: Policy
) -> None:
    (tmp_path / "file").write_text("")
    metrics = Metrics()
    store = LogStore(f"sqlite:///{tmp_path}/file/log.db", timeout_seconds=0.1)
    engine = Engine(safe, store, encoder=HashingEncoder(), hooks=[metrics])
    engine.swap(tiny_policy)
    service = Service(engine, metrics)
    assert service.route()["logged"] is False
    ready = service.call("GET", "/readyz")
    assert ready.status_code == 503 and "the store did not take the record" in ready.json()["reasons"][0]
    engine.close()


def test_swapping_during_traffic_drops_nothing(service: Service, write_policy) -> None:
    service.engine.limits = Limits(60.0, 60.0)  # swaps are on trial here, not this machine's speed
    policies = [Policy.load(write_policy(f"p{i}", seed=i + 1)) for i in range(4)]

    async def traffic() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(service.app), base_url="http://t") as client:
            running = [asyncio.create_task(client.post("/route", json={"prompt": f"r {i}"})) for i in range(200)]
            for policy in policies:
                await asyncio.sleep(0.01)
                await asyncio.to_thread(service.engine.swap, policy)
            return list(await asyncio.gather(*running))

    answers = [one.json() for one in asyncio.run(traffic())]
    assert {(one["action"], one["logged"]) for one in answers} == {("route", True)}
    assert service.engine.store.counts()[0] == 200
    assert service.count("policy_swaps_total", result="swapped") == 5


def test_nothing_unexpected_leaks(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async def explode(*given: object) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(service.engine, "route", explode)
    answer = service.call("POST", "/route", json=PROMPT)
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in answer.text
    assert service.count("unexpected_errors_total") == 1


KNOWN = st.sampled_from([*Request.__dataclass_fields__, *Constraints.__dataclass_fields__, *FIELDS, "prompt", "role"])
WORDS = st.sampled_from(["user", "text", "image_url", "best", "gpt-4o", "gpt-4o|none", "vision", "ok", "nan", "1e-9"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KNOWN | st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def as_body(content: object) -> bytes:
    # the standard library writes integers of any size, as callers may
    return json.dumps(content).encode()


BODIES = st.one_of(
    st.binary(max_size=60),
    st.dictionaries(KNOWN, JSON, max_size=5).map(as_body),
    JSON.map(lambda one: as_body({"prompt": "x", "constraints": one})),
    JSON.map(lambda one: as_body({"messages": [one, {"role": "user", "content": one}]})),
    st.integers(1, 3000).map(lambda depth: b'{"prompt":"x","parameters":' + b"[" * depth + b"]" * depth + b"}"),
    st.integers(1, 1023).map(lambda depth: b'{"prompt":' + b"[" * depth + b"]" * depth + b"}"),
)
FUZZ = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(path=st.sampled_from(["/route", "/outcomes"]), body=BODIES)
@FUZZ
def test_no_body_makes_a_5xx(service: Service, path: str, body: bytes) -> None:
    answer = service.call("POST", path, content=body)
    assert answer.status_code < 500, (body, answer.text)
    if path == "/route" and answer.status_code == 200:
        assert answer.json()["action"] == "route", (body, answer.text)  # no body breaks the policy either
    kind = answer.headers["content-type"]
    assert kind == ("application/json" if answer.status_code == 200 else "application/problem+json")


@given(report=st.dictionaries(st.sampled_from(FIELDS[2:]), JSON, max_size=3))
@FUZZ
def test_no_report_on_a_real_decision_makes_a_5xx(service: Service, report: dict) -> None:
    body = as_body(report | {"decision_id": service.route()["decision_id"]})
    answer = service.call("POST", "/outcomes", content=body)
    assert answer.status_code in (200, 400, 422), (body, answer.text)


def test_the_answer_is_strict_json(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    for broken in (False, True):
        if broken:
            monkeypatch.setattr(service.engine.encoder, "encode", lambda texts: np.full((1, 64), np.nan, np.float32))
        text = service.call("POST", "/route", json=PROMPT | {"objective": "best"}).text
        assert "NaN" not in text and "Infinity" not in text


@pytest.mark.parametrize("error", [MemoryError(), orjson.JSONDecodeError("Not enough memory to allocate", "", 0)])
def test_memory_that_runs_out_is_not_the_callers_fault(service: Service, monkeypatch, error: Exception) -> None:
    def loads(body: bytes) -> None:
        raise error

    monkeypatch.setattr("service.bodies.orjson.loads", loads)
    answer = service.call("POST", "/route", json=PROMPT)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
