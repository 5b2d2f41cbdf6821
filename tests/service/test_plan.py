"""Planning over HTTP: the same answers as the command's, and refusals that name the field."""

import asyncio
from collections.abc import Iterator

import httpx
import orjson
import pytest
from fastapi import FastAPI

from router.economics.chapters import CHAPTERS, plan_scenario
from router.economics.scenarios import example
from router.encoders import HashingEncoder
from router.engine import Engine, Limits
from router.log.store import LogStore
from router.safe_route import SafeRoute
from router.settings import Settings
from service.app import create_app


@pytest.fixture
def engine(safe: SafeRoute, store: LogStore) -> Iterator[Engine]:
    made = Engine(safe, store, encoder=HashingEncoder(), limits=Limits(1.0, 0.3))
    yield made
    made.close()


@pytest.fixture
def app(engine: Engine) -> FastAPI:
    return create_app(engine, Settings(max_body_bytes=100_000))


def call(app: FastAPI, method: str, path: str, **given) -> httpx.Response:
    async def once() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://tierwise") as client:
            return await client.request(method, path, **given)

    return asyncio.run(once())


@pytest.mark.parametrize("chapter", sorted(CHAPTERS))
def test_every_chapter_answers_as_the_command_does(app, chapter):
    given = example(chapter)
    body = {name: value for name, value in given.items() if name != "chapter"}
    answer = call(app, "POST", f"/plan/{chapter}", content=orjson.dumps(body, default=str))
    assert answer.status_code == 200, answer.text
    assert answer.json() == orjson.loads(orjson.dumps(plan_scenario(given, {}).to_json()))


def test_an_impossible_input_is_a_problem_that_names_the_field(app):
    body = {"machines": [{"name": "a", "usd_per_hour": 20, "output_tokens_per_second": 3000, "utilisation": 1.5}]}
    answer = call(app, "POST", "/plan/hosting", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["field"], answer.json()["value"]) == ("machines.0.utilisation", 1.5)
    assert answer.json()["cure"] == "Use 1 or less."


def test_a_body_that_is_no_scenario(app):
    assert call(app, "POST", "/plan/hosting", content=b"{").status_code == 400
    assert call(app, "POST", "/plan/hosting", json=[1]).status_code == 422
    assert call(app, "POST", "/plan/nothing", json={}).status_code == 404
    assert call(app, "POST", "/plan/forecast", json={"forecast": {"usd_per_month": "a lot"}}).status_code == 422


def test_the_callers_own_log_is_measured(app):
    body = {"measured": {"tenant": "acme"}, "forecast": {"usd_per_month": "measured.usd_per_call"}}
    answer = call(app, "POST", "/plan/forecast", json=body)
    assert answer.status_code == 422
    assert "too few outcomes" in answer.json()["detail"]


def test_a_trace_on_the_servers_disk_is_not_read(app):
    body = {"traffic": {"window_seconds": 60, "trace": {"path": "/etc/passwd"}}}
    answer = call(app, "POST", "/plan/capacity", json=body)
    assert answer.status_code == 422
    assert "passwd" not in answer.json()["detail"]


def test_an_unknown_chapter_is_told_which_there_are(app):
    answer = call(app, "POST", "/plan/nothing", json={})
    assert answer.status_code == 404 and answer.json()["value"] == "nothing" and "hosting" in answer.json()["cure"]


def test_prices_are_quoted_with_their_sources(app):
    answer = call(app, "GET", "/prices/openai/gpt-5", params={"at": "2026-07-01"})
    assert answer.status_code == 200
    sources = {row[-1] for row in answer.json()["tables"][0]["rows"]}
    assert "guide: tear-down" in sources
    assert call(app, "GET", "/prices/no-such-model").json()["type"].endswith("unknown-model")
    assert call(app, "GET", "/prices/gpt-5", params={"at": "soon"}).status_code == 422


def test_every_chapter_is_documented_with_its_shape_and_an_example(app):
    document = call(app, "GET", "/openapi.json").json()
    shapes = document["components"]["schemas"]
    for chapter in CHAPTERS.values():
        body = document["paths"][f"/plan/{chapter.name}"]["post"]["requestBody"]["content"]["application/json"]
        assert body["example"]
        assert body["schema"]["allOf"][0]["$ref"].rpartition("/")[2] in shapes
    assert {"PlanAnswer", "Period", "Machine", "Call"} <= set(shapes) | {"Machine"}


def test_no_reference_of_the_document_is_broken(app):
    text = call(app, "GET", "/openapi.json").text
    shapes = orjson.loads(text)["components"]["schemas"]
    for part in text.split('"#/components/schemas/')[1:]:
        assert part.partition('"')[0] in shapes
