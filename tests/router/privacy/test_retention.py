"""What is too old leaves, a little at a time."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import Connection

from router.cache.answers import NewAnswer
from router.cache.key import CacheKey
from router.cache.store import CacheStore
from router.decisions import Outcome
from router.log.store import LogStore
from router.policy import Policy
from router.privacy import retention
from router.privacy.retention import Retention, retire_cache, retire_log
from router.privacy.text_rule import TextRule
from router.requests import Request

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def log(store_url: str, tiny_policy: Policy):
    made = LogStore(store_url, keep_text=TextRule(tenants=frozenset({"default"})))
    for day in range(4):
        request = Request.from_prompt(f"day {day}")
        decision = tiny_policy.decide(request, np.zeros(64, np.float32), AT + timedelta(days=day))
        made.append(decision, request).result(5)
        made.report(Outcome(decision.decision_id, correct=1.0), lambda *_: None).result(5)
    yield made
    made.close()


def retired(log: LogStore, kept: Retention, day: int) -> int:
    return log.write(lambda one: retire_log(one, kept, AT + timedelta(days=day, hours=1))).result(5)


def texts(log: LogStore) -> list[str | None]:
    return [row["text"] for row, _ in log.joined("default")]


def test_texts_leave_before_decisions(log: LogStore) -> None:
    assert retired(log, Retention(text_days=2), 3) == 2
    assert texts(log) == [None, None, "day 2", "day 3"]
    assert retired(log, Retention(text_days=2), 3) == 0


def test_decisions_leave_with_their_reports(log: LogStore) -> None:
    assert retired(log, Retention(log_days=2), 3) == 2
    assert texts(log) == ["day 2", "day 3"]
    assert log.counts() == (2, 2)


def test_nothing_leaves_where_nothing_was_said(log: LogStore) -> None:
    assert retired(log, Retention(), 9_999) == 0
    assert log.counts() == (4, 4)


def test_little_is_removed_at_a_time(log: LogStore, monkeypatch) -> None:
    monkeypatch.setattr(retention, "MOST", 1)
    assert [retired(log, Retention(log_days=1), 30) for _ in range(5)] == [1, 1, 1, 1, 0]


def test_expired_answers_leave_though_nobody_asks(store_url: str) -> None:
    cache = CacheStore(store_url, timeout_seconds=5)
    for name, expires in (("old", 5.0), ("new", 50.0)):
        key = CacheKey("t", "s", "f", "p", name.encode().ljust(16), True)
        cache.insert(key, NewAnswer(name), name, np.ones(4, np.float32), "e", 1.0, expires)

    def left(connection: Connection) -> list[int]:
        return [retire_cache(connection, 5.0), retire_cache(connection, 5.0)]

    log = LogStore(store_url)
    assert log.write(left).result(5) == [1, 0]
    assert [one.content for one in cache.find("t")] == ["new"]
    log.close()
    cache.close()
