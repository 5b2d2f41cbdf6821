"""Who may call what, over HTTP and without a network."""

import asyncio
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from router.access.ring import KeyRing
from router.access.store import KeyStore
from router.encoders import HashingEncoder
from router.engine import Engine, Limits
from router.errors import StoreError
from router.log.store import LogStore
from router.policy import Policy
from router.safe_route import SafeRoute
from router.settings import Settings
from router.spend.spending import Spending
from router.spend.spending_file import read_spending_file
from service.access import need_of
from service.app import create_app
from service.logs import make_logger
from service.metrics import Metrics

AT = datetime(2026, 3, 1, tzinfo=UTC)
PROMPT = {"prompt": "What is 2 + 2?"}
ALL = frozenset({"route", "outcomes", "cache", "read", "admin"})


class Guarded:
    """An app with keys, and a client that calls it in this process."""

    def __init__(self, engine: Engine, keys: KeyStore, ring: KeyRing) -> None:
        self.engine, self.keys, self.ring = engine, keys, ring
        self.metrics, self.said = Metrics(), io.StringIO()
        settings = Settings(cache=False, max_body_bytes=10_000)
        self.app = create_app(engine, settings, self.metrics, make_logger("info", self.said), ring=ring)

    def key(self, tenant: str = "acme", scopes: frozenset[str] = ALL, **more: Any) -> str:
        token = self.keys.make(tenant, scopes, **more)[1]
        self.ring.look()
        return token

    def call(self, method: str, path: str, token: str | None = None, **given: Any) -> httpx.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}

        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://tierwise") as client:
                return await client.request(method, path, headers=headers, **given)

        return asyncio.run(once())


@pytest.fixture
def guarded(safe: SafeRoute, store: LogStore, store_url: str, tiny_policy: Policy) -> Iterator[Guarded]:
    engine = Engine(safe, store, encoder=HashingEncoder(), limits=Limits(1.0, 1.0), clock=lambda: AT)
    engine.swap(tiny_policy)
    keys, ring = KeyStore(store_url), KeyRing(KeyStore(store_url))
    ring.look()
    yield Guarded(engine, keys, ring)
    ring.stop()
    keys.close()
    engine.close()


def test_without_a_key_nothing_is_answered_but_life_and_readiness(guarded: Guarded) -> None:
    answer = guarded.call("POST", "/route", json=PROMPT)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="tierwise"')
    assert "keys make" in answer.json()["cure"]
    assert guarded.call("GET", "/healthz").json() == {"status": "alive", "access": "keys"}
    assert guarded.call("GET", "/readyz").status_code == 200
    assert guarded.metrics.registry.get_sample_value("tierwise_access_refusals_total", {"cause": "UnknownKeyError"})


def test_every_documented_path_but_three_is_closed(guarded: Guarded) -> None:
    document = guarded.call("GET", "/openapi.json").json()
    for path, methods in document["paths"].items():
        for method in methods:
            expected = path in ("/healthz", "/readyz")
            answer = guarded.call(method.upper(), re.sub(r"\{.*?\}", "x", path), json={})
            assert (answer.status_code != 401) == expected, path


def test_the_tenant_comes_from_the_key(guarded: Guarded, store: LogStore) -> None:
    token = guarded.key("acme")
    decided = guarded.call("POST", "/route", token, json=PROMPT).json()
    assert store.decision(decided["decision_id"], "acme")["tenant"] == "acme"
    other = guarded.call("POST", "/route", token, json=PROMPT | {"tenant": "other"})
    assert (other.status_code, other.json()["type"]) == (403, "urn:tierwise:problem:forbidden")
    assert "other" not in other.text.replace("another", "")  # what was sent is not repeated
    mine = guarded.call("POST", "/route", token, json=PROMPT | {"tenant": "acme"})
    assert mine.status_code == 200


def test_a_gateways_key_names_the_tenant(guarded: Guarded, store: LogStore) -> None:
    decided = guarded.call("POST", "/route", guarded.key("*"), json=PROMPT | {"tenant": "any"}).json()
    assert store.decision(decided["decision_id"], "any")["tenant"] == "any"


def test_a_decision_of_another_tenant_cannot_be_reported_on(guarded: Guarded) -> None:
    decided = guarded.call("POST", "/route", guarded.key("acme"), json=PROMPT).json()
    outcome = {"decision_id": decided["decision_id"], "correct": 1}
    assert guarded.call("POST", "/outcomes", guarded.key("other"), json=outcome).status_code == 404
    assert guarded.call("POST", "/outcomes", guarded.key("acme"), json=outcome).status_code == 200


def test_spend_shows_the_keys_own_tenant_only(guarded: Guarded) -> None:
    acme, other, everyone = guarded.key("acme"), guarded.key("other"), guarded.key("*")
    for token in (acme, other):
        guarded.call("POST", "/costs", token, json={"id": "j", "kind": "judge", "usd": "0.5"})
    period = "since=2020-01-01&until=2100-01-01"
    assert [row["tenant"] for row in guarded.call("GET", f"/spend?{period}", acme).json()["rows"]] == ["acme"]
    assert guarded.call("GET", f"/spend?{period}&tenant=other", acme).status_code == 403
    rows = guarded.call("GET", f"/spend?{period}", everyone).json()["rows"]
    assert {row["tenant"] for row in rows} == {"acme", "other"}


@pytest.mark.parametrize(
    "method, path, scope",
    [
        ("POST", "/route", "route"),
        ("POST", "/outcomes", "outcomes"),
        ("POST", "/costs", "outcomes"),
        ("GET", "/spend", "read"),
        ("GET", "/frontier", "read"),
        ("POST", "/plan/effort", "read"),
        ("GET", "/prices/gpt-4o", "read"),
        ("POST", "/cache/invalidate", "admin"),
    ],
)
def test_a_scope_opens_its_own_calls_and_no_others(guarded: Guarded, method, path, scope) -> None:
    alone, rest = guarded.key(scopes=frozenset({scope})), guarded.key(scopes=ALL - {scope, "admin"})
    assert guarded.call(method, path, alone, json={}).status_code not in (401, 403)
    assert guarded.call(method, path, rest, json={}).status_code == 403


def test_what_all_tenants_share_needs_a_key_of_all(guarded: Guarded) -> None:
    acme, operator = guarded.key("acme"), guarded.key("*")
    for path in ("/metrics", "/alerts", "/policies", "/shadow"):
        assert guarded.call("GET", path, acme).status_code == 403
        assert guarded.call("GET", path, operator).status_code == 200
    silence = {"rule": "tenant-spend", "subject": "acme", "minutes": 0}
    assert guarded.call("POST", "/alerts/silences", acme, json=silence).status_code == 403
    assert guarded.call("POST", "/alerts/silences", operator, json=silence).status_code == 200


def test_an_endpoint_that_nobody_opened_needs_an_operator() -> None:
    need = need_of("POST", "/something/new")
    assert (need.scope, need.every_tenant) == ("admin", True)
    assert need_of("GET", "/route") == need


def test_what_an_admin_did_is_logged_with_the_key_and_without_the_token(guarded: Guarded) -> None:
    token = guarded.key("acme")
    guarded.call("POST", "/cache/invalidate", token, json={})
    [line] = [json.loads(line) for line in guarded.said.getvalue().splitlines() if "admin call" in line]
    assert (line["key"], line["path"]) == (token.split("_")[1], "/cache/invalidate")
    assert token not in guarded.said.getvalue()


def test_too_many_requests_are_told_when_to_come_back(guarded: Guarded) -> None:
    token = guarded.key(requests_per_second=0.5)
    assert guarded.call("GET", "/frontier", token).status_code == 200
    refused = guarded.call("GET", "/frontier", token)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
    assert refused.headers["ratelimit"] == '"key";r=0;t=2'


def test_keys_that_could_not_be_read_are_told_as_such(guarded: Guarded, store_url: str, monkeypatch) -> None:
    def away(self: KeyStore) -> list[Any]:
        raise StoreError("away")

    monkeypatch.setattr(KeyStore, "revision", away)
    ring = KeyRing(KeyStore(store_url))
    closed = Guarded(Engine(SafeRoute.from_key("a|b", 10)), guarded.keys, ring)
    answer = closed.call("POST", "/route", "tw_x", json=PROMPT)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    ring.close()


def test_what_tenants_spent_together_is_told_to_none_of_them(guarded: Guarded, tmp_path: Path) -> None:
    file = tmp_path / "spending.toml"
    file.write_text('[[budgets]]\nname="company"\nscope={}\nperiod="total"\nlimit_usd="0.000001"\nmode="hard"\n')
    rules = read_spending_file(file)
    acme, operator = guarded.key("acme"), guarded.key("*")
    guarded.engine.spending = Spending(lambda: rules)
    refused = guarded.call("POST", "/route", acme, json=PROMPT)
    assert refused.status_code == 402 and "committed" not in refused.json()
    assert "USD" not in refused.json()["detail"]
    assert "committed" in guarded.call("POST", "/route", operator, json=PROMPT).json()
    [budget] = guarded.call("GET", "/budgets", acme).json()["budgets"]
    assert set(budget) == {"name", "mode", "period", "resets_at", "each"}
    [budget] = guarded.call("GET", "/budgets", operator).json()["budgets"]
    assert "spent_usd" in budget


def test_plans_measure_the_keys_own_tenant_only(guarded: Guarded) -> None:
    token = guarded.key("acme")
    for measured in ({"tenant": "other"}, {"mine": {"tenant": "other"}}):
        answer = guarded.call("POST", "/plan/request", token, json={"measured": measured})
        assert answer.status_code == 403, answer.text


def test_a_body_over_the_limit_is_refused_everywhere(guarded: Guarded) -> None:
    token = guarded.key("*")
    for path in ("/route", "/outcomes", "/costs", "/cache/invalidate", "/alerts/silences"):
        assert guarded.call("POST", path, token, content=b" " * 10_001).status_code == 413


def test_two_authorizations_are_none(guarded: Guarded) -> None:
    token = guarded.key("acme")

    async def twice() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(guarded.app), base_url="http://t") as client:
            both = [("Authorization", f"Bearer {token}"), ("Authorization", "Bearer tw_x")]
            return await client.get("/frontier", headers=both)

    assert asyncio.run(twice()).status_code == 401
