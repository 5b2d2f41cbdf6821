"""The cache over HTTP: served, learnt, complained about, invalidated, and never in the way."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import orjson
import pytest
from fastapi import FastAPI
from starlette.requests import ClientDisconnect

from router.access.ring import Caller
from router.cache.guarded import GuardedCache
from router.cache.semantic import SemanticCache
from router.cache.store import CacheStore
from router.encoders import HashingEncoder
from router.engine import Engine, Limits
from router.errors import StoreError
from router.log.store import LogStore
from router.policy import Policy
from router.requests import Request as RouteRequest
from router.safe_route import SafeRoute
from router.settings import Settings
from service.app import create_app
from service.cache_parts import open_cache, rules_of
from service.deciding import ShortWay
from service.metrics import Metrics

PROMPT = {"prompt": "What are your opening hours?", "tenant": "acme"}
SHIPPED = Path(__file__).parents[2] / "models" / "verifier"


class Service:
    def __init__(self, engine: Engine, settings: Settings, metrics: Metrics) -> None:
        self.engine, self.settings, self.metrics = engine, settings, metrics
        self.app = create_app(engine, settings, metrics)

    def call(self, method: str, path: str, **given) -> httpx.Response:
        async def once() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://t") as client:
                return await client.request(method, path, **given)

        return asyncio.run(once())

    def route(self, **given) -> dict:
        answer = self.call("POST", "/route", json=PROMPT | given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def report(self, decided: dict, headers: dict | None = None, **said) -> dict:
        body = {"decision_id": decided["decision_id"], "tenant": "acme"} | said
        answer = self.call("POST", "/outcomes", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"tierwise_{name}", labels) or 0.0


Make = Callable[..., Service]


@pytest.fixture
def make(safe: SafeRoute, store: LogStore, store_url: str, tiny_policy: Policy, tmp_path: Path) -> Iterator[Make]:
    """A service with a cache on one store, as after a restart at each call."""
    engines: list[Engine] = []

    def build(**keys) -> Service:
        settings = Settings(store_url=store_url, models_dir=tmp_path, cache_verifier=SHIPPED, **keys)
        metrics = Metrics()
        engine = Engine(safe, store, encoder=HashingEncoder(), limits=Limits(10.0, 10.0), hooks=[metrics])
        engine.swap(tiny_policy)
        cache = open_cache(settings, HashingEncoder())
        engine.use_cache(GuardedCache(cache, engine.hooks))
        metrics.watch_cache(cache)
        engines.append(engine)
        return Service(engine, settings, metrics)

    yield build
    for engine in engines:
        engine.close()


def answered(service: Service, content: str = "From nine to five.", **said) -> dict:
    """A request asked of a model, and its answer reported."""
    decided = service.route()
    assert service.report(decided, answer=content, **said)["cache"]["result"] == "stored"
    return decided


def test_a_repeated_request_is_answered_from_the_cache(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    service = make()
    first = answered(service, usd="0.0125", correct=1)
    assert (first["action"], first["cache"]["status"]) == ("route", "miss")
    monkeypatch.setattr(HashingEncoder, "encode", None)  # the exact tier must not touch the encoder
    again = service.route()
    assert (again["action"], again["expected_usd"], again["parameters"]) == ("cached", 0.0, {})
    cache = again["cache"]
    assert (cache["status"], cache["tier"], cache["answer"]["content"]) == ("hit", "exact", "From nine to five.")
    assert (cache["usd_saved"], cache["neighbour"], cache["risk"]) == (0.0125, PROMPT["prompt"], None)
    assert again["route"] == first["route"] and cache["age_seconds"] >= 0
    assert service.count("cache_lookups_total", result="exact-hit") == 1
    assert service.count("cache_saved_usd_total") == 0.0125


def test_a_reworded_request_is_answered_once_its_neighbours_were_right(make: Make) -> None:
    service, hits = make(cache_max_wrong=0.5), []
    for i in range(150):
        decided = service.route(
            prompt=f"please tell me the opening hours of the {['museum', 'library'][i % 2]} number {i}"
        )
        if decided["action"] == "cached":
            hits.append(decided)
        else:
            service.report(decided, answer=["at nine", "at ten"][i % 2])
    cache = hits[-1]["cache"]
    assert (cache["status"], cache["tier"]) == ("hit", "semantic") and 0 < cache["risk"] <= cache["threshold"]
    assert 0 < hits[-1]["propensity"] <= 1 and "within the threshold" in hits[-1]["reason"]
    assert service.report(hits[-1], correct=1)["cache"]["result"] == "confirmed"
    assert service.report(hits[-2], feedback="wrong")["cache"]["result"] == "removed"


def test_a_streaming_caller_gets_the_same_content(make: Make) -> None:
    service = make()
    answered(service)
    assert service.route(parameters={"stream": True})["cache"]["answer"]["content"] == "From nine to five."


def test_what_the_cached_answer_cost_is_what_was_expected_where_no_bill_came(make: Make) -> None:
    service = make()
    first = answered(service)
    assert service.route()["cache"]["usd_saved"] == first["expected_usd"] > 0


@pytest.mark.parametrize(
    "said",
    [
        {"answer": {"content": "half", "finish_reason": "length"}},
        {"answer": "x", "status": "error"},
        {"answer": "x", "error": "timeout"},
        {"answer": "x", "correct": 0},
        {"answer": "  "},
        {"answer": "x" * 2_000},
    ],
)
def test_incomplete_failed_wrong_and_oversize_answers_are_not_stored(make: Make, said: dict) -> None:
    service = make(cache_max_answer_bytes=1_000)
    assert service.report(service.route(), **said)["cache"]["result"] == "refused"
    assert service.route()["action"] == "route"
    assert service.count("cache_answers_total", result="refused") == 1


def test_a_wrong_verdict_removes_the_answer_also_after_a_restart(make: Make) -> None:
    answered(make())
    hit = make().route()
    assert hit["action"] == "cached"
    later = make()
    assert later.report(hit, feedback="wrong")["cache"]["result"] == "removed"
    assert later.route()["action"] == "route"
    assert later.call("GET", "/cache?tenant=acme").json()["promise"]["reported_wrong"] == 1
    assert later.report(hit, feedback="wrong")["cache"] is None  # told twice, charged once


def test_an_answer_that_turns_out_wrong_later_leaves_the_cache(make: Make) -> None:
    service = make()
    first = answered(service)
    assert make().report(first, correct=0.0)["cache"]["result"] == "removed"
    assert service.route()["action"] == "route"


def test_a_right_verdict_confirms(make: Make) -> None:
    service = make()
    answered(service)
    assert service.report(service.route(), correct=1)["cache"] is None  # the exact tier has nothing to learn
    assert service.route()["action"] == "cached"


def test_tenants_and_controls_are_kept_apart(make: Make) -> None:
    service = make()
    answered(service)
    for given in (
        {"tenant": "other"},
        {"parameters": {"seed": 7}},
        {"temperature": 0.2},
        {"cache": {"scope": "user"}, "user": "u"},
        {"cache": {"no_cache": True}},
        {"cache": {"refresh": True}},
        {"constraints": {"models": ["gpt-4o"]}},
    ):
        assert service.route(**given)["action"] == "route", given
    assert service.route(temperature=0.9)["cache"]["status"] == "bypass"
    assert service.call("GET", "/cache?tenant=other").json()["answers"] == 0


def test_only_the_token_writes_where_one_is_set(make: Make) -> None:
    service = make(cache_write_token="s3cret-of-the-gateway")
    told = service.report(service.route(), answer="poison", headers={"Authorization": "Bearer guessed"})
    assert (told["recorded"], told["cache"]["result"]) == (True, "refused")
    assert service.route()["action"] == "route"
    right = {"Authorization": "Bearer s3cret-of-the-gateway"}
    assert service.report(service.route(), answer="ok", headers=right)["cache"]["result"] == "stored"
    hit = service.route()
    assert service.report(hit, feedback="wrong")["cache"]["result"] == "refused"  # nor may others take answers out
    assert service.route()["action"] == "cached"
    body = {"tenant": "acme", "everything": True, "dry_run": False}
    assert service.call("POST", "/cache/invalidate", json=body).status_code == 403
    assert "s3cret" not in repr(service.settings)


def test_invalidation_is_dry_first(make: Make) -> None:
    service = make()
    decided = service.route(tags={"product": "a"})
    service.report(decided, answer="From nine to five.")
    body = {"tenant": "acme", "tag": {"product": "a"}}
    dry = service.call("POST", "/cache/invalidate", json=body).json()
    assert (dry["answers"], dry["dry_run"], dry["sample"]) == (1, True, ["From nine to five."])
    assert service.route()["action"] == "cached"
    near = {"tenant": "acme", "like": PROMPT["prompt"], "min_similarity": 0.99, "older_than_seconds": 0}
    assert service.call("POST", "/cache/invalidate", json=near | {"dry_run": False}).json()["answers"] == 1
    assert service.route()["action"] == "route"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "tenant"),
        ({"tenant": "acme"}, "everything"),
        ({"tenant": "acme", "age": 3}, "age"),
        ({"tenant": "acme", "tag": "a"}, "tag"),
        ({"tenant": "acme", "like": ""}, "like"),
        ({"tenant": "acme", "older_than_seconds": -1}, "older_than_seconds"),
        ({"tenant": "acme", "everything": True, "dry_run": "no"}, "dry_run"),
    ],
)
def test_a_careless_invalidation_is_refused(make: Make, body: dict, field: str) -> None:
    answer = make().call("POST", "/cache/invalidate", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"answer": 3}, "answer"),
        ({"answer": {}}, "answer.content"),
        ({"answer": {"content": "x", "text": "y"}}, "answer.text"),
        ({"answer": {"content": "x", "extra": 1}}, "answer.extra"),
        ({"feedback": "meh"}, "feedback"),
    ],
)
def test_a_wrong_answer_field_is_named(make: Make, given: dict, field: str) -> None:
    service = make()
    body = {"decision_id": service.route()["decision_id"], "tenant": "acme"} | given
    answer = service.call("POST", "/outcomes", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_wrong_controls_are_named(make: Make) -> None:
    answer = make().call("POST", "/route", json=PROMPT | {"cache": {"scope": "world"}})
    assert (answer.status_code, answer.json()["field"]) == (422, "cache.scope")


def test_a_broken_cache_never_costs_an_answer(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    service = make()

    def fail(*given, **more):
        raise StoreError("the disk is full")

    monkeypatch.setattr(SemanticCache, "begin", fail)
    decided = service.route()
    assert (decided["action"], decided["cache"]) == ("route", None)
    monkeypatch.setattr(SemanticCache, "learn", fail)
    told = service.report(decided, answer="x")
    assert (told["recorded"], told["cache"]["result"]) == (True, "failed")
    assert (
        service.count("cache_failures_total", step="lookup") == service.count("cache_failures_total", step="learn") == 1
    )


def test_the_cache_serves_without_a_policy_and_learns_from_the_safe_route(
    make: Make, safe: SafeRoute, store: LogStore
) -> None:
    with_policy = make()
    service = Service(Engine(safe, store, encoder=HashingEncoder()), with_policy.settings, Metrics())
    service.engine.use_cache(with_policy.engine.cache)
    decided = service.route()
    assert (decided["action"], decided["fallback"]) == ("fallback", "no-policy")
    assert service.report(decided, answer="From nine.")["cache"]["result"] == "stored"
    assert service.route()["action"] == "cached"


def test_the_promise_is_told_to_people_and_to_metrics(make: Make) -> None:
    service = make(cache_max_wrong=0.02, cache_tenants={"acme": {"max_wrong": 0.005, "per": "hits"}})
    answered(service)
    status = service.call("GET", "/cache?tenant=acme").json()
    promise = status["promise"]
    assert (promise["max_wrong"], promise["per"], promise["confidence"], promise["requests"]) == (
        0.005,
        "hits",
        0.95,
        1,
    )
    assert (status["entries"], status["answers"]) == (1, 1)
    assert 'tierwise_cache_max_wrong_ratio{tenant="acme"} 0.005' in service.call("GET", "/metrics").text
    assert 'tierwise_cache_wrong_upper_ratio{tenant="acme"}' in service.call("GET", "/metrics").text


def test_without_a_cache_the_views_say_so(safe: SafeRoute, store: LogStore) -> None:
    service = Service(Engine(safe, store, encoder=HashingEncoder()), Settings(), Metrics())
    assert service.call("GET", "/cache").status_code == 404
    assert service.call("POST", "/cache/invalidate", json={"tenant": "a", "everything": True}).status_code == 404
    assert any("cache" in reason for reason in service.call("GET", "/readyz").json()["reasons"])


def test_without_an_encoder_the_byte_identical_are_served(make: Make, safe: SafeRoute, store: LogStore) -> None:
    service = make()
    answered(service)
    bare = Engine(safe, store)
    bare.use_cache(GuardedCache(open_cache(service.settings, None)))
    assert Service(bare, service.settings, Metrics()).route()["action"] == "cached"


def test_rules_are_the_settings() -> None:
    rules = rules_of(Settings(cache_max_wrong=0.03, cache_tenants={"lab": {"per": "hits"}}, cache_max_temperature=0.7))
    assert (rules.budget.max_wrong, rules.tenants["lab"].max_wrong, rules.tenants["lab"].per) == (0.03, 0.03, "hits")
    assert rules.key.max_temperature == 0.7


def test_two_processes_on_one_store_share_answers(make: Make, store_url: str) -> None:
    here, there = make(), make()
    answered(here)
    assert there.route()["action"] == "cached"
    assert CacheStore(store_url).totals()["acme"][0] == 1


def test_what_was_served_before_is_served_again_without_a_thread(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    service = make()
    service.report(service.route(), answer="nine to five")
    assert service.route()["action"] == "cached"
    monkeypatch.setattr(service.engine._together, "start", lambda *given: pytest.fail("asked for a thread"))
    monkeypatch.setattr(RouteRequest, "from_mapping", lambda given: pytest.fail("read again"))
    again = service.route()
    assert (again["action"], again["logged"], again["cache"]["answer"]["content"]) == ("cached", True, "nine to five")
    assert service.count("http_request_seconds_count", path="/route", status="200") == 3
    monkeypatch.undo()
    assert "explanation" in service.call("POST", "/route?explain=1", json=PROMPT).json()
    service.report(again, feedback="wrong")
    assert service.route()["action"] != "cached"


@pytest.mark.parametrize(("as_tenant", "action"), [("acme", "cached"), ("globex", "route"), (None, "cached")])
def test_the_same_bytes_of_another_tenant_are_another_request(make: Make, as_tenant: str | None, action: str) -> None:
    body = b'{"prompt": "What are your opening hours?"}'
    service, own = make(), Caller("acme")
    decided = sent(service, own, [body])
    service.report(decided, answer="nine to five")
    for _ in range(2):
        assert sent(service, own, [body[:9], body[9:]])["action"] == "cached"
    if as_tenant is None:  # who may name any tenant names this one
        body = b'{"prompt": "What are your opening hours?", "tenant": "acme"}'
    for _ in range(2):
        assert sent(service, Caller(as_tenant), [body])["action"] == action


def test_who_hangs_up_in_the_middle_of_a_body_costs_nothing(make: Make) -> None:
    with pytest.raises(ClientDisconnect):
        sent(make(), Caller(), [b'{"prom'], whole=False)


def sent(service: Service, caller: Caller, parts: list[bytes], whole: bool = True) -> dict:
    """The answer to a body in parts, on behalf of whoever the guard let in."""
    told: list[bytes] = []
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    messages[-1]["more_body"] = not whole
    left = iter([*messages, {"type": "http.disconnect"}])

    async def receive() -> dict:
        return next(left)

    async def send(message: dict) -> None:
        told.append(message.get("body", b""))

    headers = [(b"content-length", str(sum(map(len, parts))).encode())]
    scope = {"type": "http", "method": "POST", "path": "/route", "query_string": b"", "headers": headers}
    asyncio.run(inner(service.app)(scope | {"tierwise.caller": caller}, receive, send))
    return orjson.loads(b"".join(told))


def inner(app: FastAPI) -> ShortWay:
    """The service behind its doors."""
    layer = app.build_middleware_stack()
    while not isinstance(layer, ShortWay):
        layer = getattr(layer, "app", None) or layer._app
    return layer
