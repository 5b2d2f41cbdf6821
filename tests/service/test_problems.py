"""Every refusal is a problem document that names field, value and cure."""

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from router.encoders import HashingEncoder
from router.engine import Engine
from router.policy import Policy
from router.safe_route import SafeRoute
from router.settings import Settings
from service.app import create_app
from service.problems import MEDIA_TYPE

Call = Callable[..., httpx.Response]


@pytest.fixture
def call(safe: SafeRoute, tiny_policy: Policy) -> Call:
    engine = Engine(safe, encoder=HashingEncoder())
    engine.swap(tiny_policy)
    app = create_app(engine, Settings(max_body_bytes=2000))

    def once(method: str, path: str, **given) -> httpx.Response:
        async def send() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
                return await client.request(method, path, **given)

        return asyncio.run(send())

    return once


@pytest.mark.parametrize(
    "body, field, value",
    [
        ({}, "prompt", None),
        ({"prompt": ""}, "prompt", ""),
        ({"prompt": 7}, "prompt", 7),
        ({"prompt": ["a"]}, "prompt", "['a']"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role", "robot"),
        ({"prompt": "x", "value_usd": -1}, "value_usd", -1),
        ({"prompt": "x", "objective": "fastest"}, "objective", "fastest"),
        ({"prompt": "x", "constraints": {"max_cost": 1}}, "constraints.max_cost", 1),
        ({"prompt": "x", "constraints": {"max_usd": "0.0"}}, "constraints.max_usd", "0.0"),
        ({"prompt": "x", "constraints": {"models": ["gpt-5o"]}}, "constraints.models", "gpt-5o"),
        ({"prompt": "x", "constraints": {"min_quality": 1}}, "constraints.min_quality", 1),
        ({"prompt": "x", "tenant": "t" * 300}, "tenant", "t" * 200 + "… (300 characters)"),
        ([1], "body", "[1]"),
    ],
)
def test_a_wrong_value_is_named(call: Call, body: object, field: str, value: object) -> None:
    answer = call("POST", "/route", json=body)
    document = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (422, MEDIA_TYPE)
    assert (document["field"], document.get("value"), document["status"]) == (field, value, 422)
    assert document["type"].startswith("urn:tierwise:problem:")
    assert document["title"] and document["detail"] and document["cure"]


@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b'"\xff"', b'{"prompt": NaN}', b'{"prompt": "\\ud800"}'])
def test_what_is_not_json_is_400(call: Call, body: bytes) -> None:
    answer = call("POST", "/route", content=body)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:tierwise:problem:not-json")


def test_a_large_body_is_413_stated_or_not(call: Call) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b"x" * 100

    for content in (b"x" * 3000, chunks()):
        answer = call("POST", "/route", content=content)
        assert (answer.status_code, answer.json()["cure"]) == (413, "Send at most 2000 bytes.")


def test_no_such_path_and_no_such_method(call: Call) -> None:
    missing, wrong = call("GET", "/nothing"), call("GET", "/route")
    assert (missing.status_code, missing.json()["title"]) == (404, "Not Found")
    assert (wrong.status_code, wrong.json()["detail"], wrong.headers["allow"]) == (
        405,
        "GET /route; allowed: POST",
        "POST",
    )
    assert missing.headers["content-type"] == wrong.headers["content-type"] == MEDIA_TYPE


def test_without_a_store_a_report_is_503(call: Call) -> None:
    answer = call("POST", "/outcomes", json={"decision_id": "d", "correct": 1})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
