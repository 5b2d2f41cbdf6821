"""What is odd is announced to log, metrics and webhook, once."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from router.events import SpendAlert
from router.log.store import LogStore
from router.spend import ledger
from router.spend.budgets import Estimate
from router.spend.ledger import NewCall, Settlement
from router.spend.ownership import Owner
from router.spend.spending_file import AlertSettings
from service.alerting import Alerting

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)


def spend(store: LogStore, at: datetime, usd: int, tenant: str = "acme") -> None:
    call = NewCall(f"{tenant}{at}", at, Owner(tenant), "m", "none", "economy", Estimate(0, 0, 0))
    store.write(lambda c: ledger.add(c, call, Settlement(usd * 10**12), ())).result(5)


@pytest.fixture
def busy(store: LogStore) -> LogStore:
    """Two days of a dollar an hour, then a hundred dollars in five minutes."""
    for hour in range(1, 49):
        spend(store, AT - timedelta(hours=hour), 1, "usual")
    spend(store, AT - timedelta(minutes=3), 100)
    return store


def alerting(store: LogStore, told: list[Any], send: Any = lambda url, body: None, **more: Any) -> Alerting:
    settings = AlertSettings(webhook="http://hook", **more)
    return Alerting(store, lambda: settings, [told.append], lambda: AT, send)


def test_a_runaway_is_told_once_with_evidence(busy: LogStore) -> None:
    told: list[SpendAlert] = []
    sent: list[dict[str, Any]] = []
    watching = alerting(busy, told, lambda url, body: sent.append(body))
    found = [watching.look(), watching.look()]
    assert [[one.subject for one in each] for each in found] == [["acme"], []]
    assert [one.delivered for one in told] == [True]
    assert sent[0]["rule"] == "tenant-spend" and sent[0]["evidence"]["usd_per_hour"] == 600.0


def test_another_process_does_not_tell_it_again(busy: LogStore) -> None:
    assert alerting(busy, []).look() and alerting(busy, []).look() == []


def test_a_webhook_that_fails_costs_nothing_but_its_message(busy: LogStore) -> None:
    def fail(url: str, body: dict[str, Any]) -> None:
        raise httpx.ConnectError("no")

    told: list[SpendAlert] = []
    alerting(busy, told, fail).look()
    assert [one.delivered for one in told] == [False]


def test_a_month_over_budget_is_told(busy: LogStore) -> None:
    rules = {one.rule for one in alerting(busy, [], month_usd=Decimal(120)).look()}
    assert "month-forecast" in rules
