"""Every report is seen once, whole, beside its decision."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from router.decisions import Outcome
from router.encoders import HashingEncoder
from router.log.feed import ReportFeed
from router.log.store import LogStore
from router.policy import Policy
from router.requests import Request

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def decide(store: LogStore, tiny_policy: Policy) -> Callable[..., str]:
    def once(tenant: str = "acme") -> str:
        request = Request.from_mapping({"prompt": "What is 2 + 2?", "tenant": tenant})
        decision = tiny_policy.decide(request, HashingEncoder().encode([request.text])[0], AT)
        store.append(decision, request).result(5)
        return decision.decision_id

    return once


def report(store: LogStore, decision_id: str, tenant: str = "acme", **said: object) -> None:
    store.report(Outcome(decision_id, tenant, **said), lambda *given: None).result(5)  # type: ignore[arg-type]


def test_an_empty_log_feeds_nothing(store: LogStore) -> None:
    assert ReportFeed(store).read() == []


def test_parts_of_a_report_become_one_and_count_once(store: LogStore, decide: Callable[..., str]) -> None:
    feed, one = ReportFeed(store), decide()
    report(store, one, usd=Decimal("0.001"), latency_s=2.0)
    first = feed.read()
    report(store, one, correct=1.0)
    second = feed.read()
    assert first[0].fresh == {"usd", "latency_s"} and second[0].fresh == {"correct"}
    assert (second[0].fact("usd"), second[0].correct, second[0].option["route"]) == (0.001, 1.0, "gpt-4o|none")
    assert feed.read() == []


def test_a_failed_call_answers_nothing_right(store: LogStore, decide: Callable[..., str]) -> None:
    report(store, decide(), status="error")
    known = ReportFeed(store).read()[0]
    assert known.failed and known.correct == 0.0


def test_a_new_feed_begins_a_while_back(store: LogStore, decide: Callable[..., str]) -> None:
    for _ in range(5):
        report(store, decide(), correct=1.0)
    assert len(ReportFeed(store, warm_up=2).read()) == 2
