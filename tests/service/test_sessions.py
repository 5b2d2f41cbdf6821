"""A session over HTTP: a turn is priced on what the one before left warm, and what reports say of it is learnt."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from router.encoders import HashingEncoder
from router.engine import Engine
from router.log.store import LogStore
from router.policy import Policy
from router.safe_route import SafeRoute
from router.settings import Settings
from service.app import create_app
from service.metrics import Metrics

Call = Callable[[str, dict[str, Any]], dict[str, Any]]
TURNS = [{"role": "system", "content": "You help. " * 800}, {"role": "user", "content": "Summarise it."}]
LATER = [*TURNS, {"role": "assistant", "content": "Done."}, {"role": "user", "content": "Shorter."}]


@pytest.fixture
def call(safe: SafeRoute, store: LogStore, tiny_policy: Policy) -> Iterator[Call]:
    engine = Engine(safe, store, encoder=HashingEncoder())
    engine.swap(tiny_policy)
    app = create_app(engine, Settings(), Metrics())

    def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
        async def send() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
                return await client.post(path, json=body)

        return asyncio.run(send()).json()

    yield post
    engine.close()


def test_the_second_turn_of_a_session_is_priced_on_its_warm_model(call: Call) -> None:
    first = call("/route", {"messages": TURNS, "session": "s", "objective": "cheapest"})
    assert first["cached_input_tokens"] == 0
    second = call("/route", {"messages": LATER, "session": "s", "objective": "cheapest"})
    assert second["cached_input_tokens"] > 1_000 and "cache" in second["reason"]
    assert second["expected_usd"] < first["expected_usd"]
    other = next(one for one in second["alternatives"] if one["model"] != second["model"])
    assert other["cached_input_tokens"] == 0
    assert (
        call("/route", {"messages": LATER, "session": "another", "objective": "cheapest"})["cached_input_tokens"] == 0
    )


def test_reports_that_nothing_was_read_take_the_hope_away(call: Call) -> None:
    hopes = []
    for _ in range(8):
        answer = call("/route", {"messages": LATER, "session": "s", "objective": "cheapest"})
        hopes.append(answer["cached_input_tokens"])
        usage = {"input_tokens": 2_100, "output_tokens": 20, "cached_input_tokens": 0}
        call("/outcomes", {"decision_id": answer["decision_id"], **usage})
    assert hopes[1] > hopes[-1] > 0


def test_a_conflict_is_told_in_the_problem_document(call: Call) -> None:
    limits = {"max_usd": "0.0000001", "min_quality": 0.5, "models": ["gpt-4o"]}
    problem = call("/route", {"prompt": "x", "constraints": limits})
    assert problem["status"] == 422 and [one["field"] for one in problem["conflict"]] == ["constraints.max_usd"]
    assert problem["conflict"][0]["allows"] == [] and problem["conflict"][0]["would_do"] > 0
