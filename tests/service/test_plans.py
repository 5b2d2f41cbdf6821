"""Plans over HTTP: look at a cheap answer, report what it showed, and be told whether to go on."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np
import pytest
from sqlalchemy import select

from router.cache.guarded import GuardedCache
from router.cache.semantic import SemanticCache
from router.cache.store import CacheStore
from router.cache.verifier import Verifier
from router.encoders import HashingEncoder
from router.engine import Engine
from router.log.store import LogStore
from router.money import to_pico
from router.plans.answer_evidence import SIGNALS, AnswerEvidence
from router.plans.files import Plans
from router.policy import Policy
from router.safe_route import SafeRoute
from router.settings import Settings
from router.spend.ledger_tables import calls
from service.app import create_app

AT = datetime(2026, 3, 1, tzinfo=UTC)
BODY = {"prompt": "What is 2 + 2?", "plan": True, "value_usd": 0.02, "tenant": "acme"}


@pytest.fixture
def evidence() -> AnswerEvidence:
    shape = (2, len(SIGNALS))
    weights = np.zeros(shape)
    weights[:, 0] = 1.0
    # the policy's routes are in the order of their names: gpt-4o, gpt-4o-mini
    return AnswerEvidence(
        np.array([False, True]), np.array([1.0, 3.0]), np.zeros(shape), np.ones(shape), weights,
        np.full((2, 1), 0.5), np.tile([0.05, 0.95], (2, 1)), np.tile([0.95, 0.05], (2, 1)), np.ones((2, 2)),
    )  # fmt: skip


@pytest.fixture
def engine(safe: SafeRoute, store: LogStore, tiny_policy: Policy, evidence: AnswerEvidence) -> Iterator[Engine]:
    columns = [tiny_policy.routes.index(route) for route in sorted(tiny_policy.routes)]
    turned = {name: value[columns] for name, value in vars(evidence).items() if name != "odds"}
    tiny_policy.plans = Plans(AnswerEvidence(**turned, odds=evidence.odds), tiny_policy.sweep)
    made = Engine(safe, store, encoder=HashingEncoder(), clock=lambda: AT)
    made.swap(tiny_policy)
    yield made
    made.close()


def call(engine: Engine, path: str, body: dict) -> dict:
    async def once() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(engine, Settings()))
        async with httpx.AsyncClient(transport=transport, base_url="http://tierwise") as client:
            return await client.post(path, json=body)

    answer = asyncio.run(once())
    assert answer.status_code == 200, answer.text
    return answer.json()


def report(engine: Engine, decision: dict, **said: float | bool | str) -> dict:
    return call(engine, "/outcomes", {"decision_id": decision["decision_id"], "tenant": "acme", **said})


def test_a_plan_starts_cheap_and_says_what_to_report(engine: Engine) -> None:
    decision = call(engine, "/route", BODY)
    assert decision["model"] == "gpt-4o-mini" and decision["plan"] == {"calls": 3, "signals": ["agreement"]}
    assert "gpt-4o-mini|none first, in 3 calls" in decision["reason"]


def test_disagreement_escalates_to_a_logged_decision(engine: Engine, store: LogStore) -> None:
    answer = report(engine, call(engine, "/route", BODY), agreement=1 / 3)
    assert answer["status"] == "escalate" and answer["next"]["model"] == "gpt-4o"
    assert answer["next"]["parameters"]["model"] == "gpt-4o"
    kept = store.decision(answer["next"]["decision_id"], "acme")
    assert kept["route"] == "gpt-4o|none" and kept["tenant"] == "acme"
    assert report(engine, answer["next"], correct=1)["status"] == "done"


def test_an_escalation_is_paid_by_its_task_and_only_the_last_answer_is_cached(
    engine: Engine, store: LogStore, store_url: str
) -> None:
    verifier = Verifier.load(Path(__file__).parents[2] / "models" / "verifier")
    engine.use_cache(GuardedCache(SemanticCache(CacheStore(store_url), verifier, "hashing", 64)))
    first = call(engine, "/route", BODY)
    told = report(engine, first, agreement=0.0, answer="five", usd=0.001)
    assert (told["status"], told["cache"]) == ("escalate", None)
    assert report(engine, told["next"], answer="four", usd=0.02)["cache"]["result"] == "stored"
    again = call(engine, "/route", BODY)
    assert (again["action"], again["cache"]["answer"]["content"]) == ("cached", "four")
    with store.reading() as connection:
        booked = {row.kind: row for row in connection.execute(select(calls))}
    assert set(booked) == {"call", "escalation", "cache"}
    assert booked["escalation"].task_id == booked["call"].call_id == first["decision_id"]
    assert (booked["call"].spent, booked["escalation"].spent) == (to_pico("0.001"), to_pico("0.02"))


def test_agreement_is_done_and_the_estimate_says_why(engine: Engine) -> None:
    answer = report(engine, call(engine, "/route", BODY), agreement=1.0)
    assert answer["status"] == "done" and answer["p_correct"] > 0.9 and "next" not in answer


def test_the_same_report_twice_is_told_the_same(engine: Engine, store: LogStore) -> None:
    decision = call(engine, "/route", BODY)
    first, again = (report(engine, decision, agreement=0.0) for _ in range(2))
    assert again["repeated"] and first["next"]["decision_id"] == again["next"]["decision_id"]
    assert store.counts()[0] == 2


@pytest.mark.parametrize("said", [{"correct": 1}, {"agreement": 0.0, "status": "error"}])
def test_without_evidence_nothing_escalates(engine: Engine, said: dict) -> None:
    assert report(engine, call(engine, "/route", BODY), **said)["status"] == "done"


def test_who_asked_for_no_plan_gets_none(engine: Engine) -> None:
    decision = call(engine, "/route", BODY | {"plan": False})
    assert decision["plan"] is None
    assert report(engine, decision, agreement=0.0)["status"] == "done"


def test_a_limit_on_a_call_excludes_plans(engine: Engine) -> None:
    assert call(engine, "/route", BODY | {"constraints": {"max_usd": 0.1}})["plan"] is None


def test_another_tenant_cannot_escalate(engine: Engine) -> None:
    decision = call(engine, "/route", BODY)
    body = {"decision_id": decision["decision_id"], "tenant": "other", "agreement": 0.0}
    with pytest.raises(AssertionError, match=r"404|unknown"):
        call(engine, "/outcomes", body)


def test_a_decision_is_explained_with_flip_points(engine: Engine) -> None:
    told = call(engine, "/route?explain=1", BODY | {"plan": False, "value_usd": 1.0})
    flips = told["explanation"]["flips"]
    assert told["model"] == "gpt-4o" and [one["route"] for one in flips] == ["gpt-4o-mini|none"]
    below = flips[0]["value_below"]
    assert 0 < below < 1 and "would go to gpt-4o-mini|none below $" in flips[0]["sentence"]
    assert call(engine, "/route", BODY | {"plan": False, "value_usd": 0.99 * below})["model"] == "gpt-4o-mini"
    assert call(engine, "/route", BODY | {"plan": False, "value_usd": 1.01 * below})["model"] == "gpt-4o"


def test_plans_that_proved_nothing_are_not_made(engine: Engine) -> None:
    engine.policy.manifest["plans"] = {"worth_it": False}
    assert call(engine, "/route", BODY)["plan"] is None
