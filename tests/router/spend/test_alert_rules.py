"""Each rule speaks of what it is for, and of nothing else."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from router.spend.alert_rules import Alert, find_alerts, month_forecast
from router.spend.series import DAY, HOUR, Key, SpendSeries

MIDNIGHT = 20_000 * DAY
Sums = dict[Key, float]


def quiet(bucket: int) -> Sums:
    """Two tenants, a tenth of frontier calls, few retries, a third answered by the cache."""
    return {
        ("usd", ""): 10.0,
        ("tenant_usd", "big"): 9.5,
        ("tenant_usd", "small"): 0.5 if bucket % 7 else 1.0,
        ("calls", ""): 100.0,
        ("tier_calls", "economy"): 98.0,
        ("tier_calls", "frontier"): 2.0,
        ("retries", ""): 1.0,
        ("hits", ""): 50.0,
    }


def alerts(change: Callable[[Sums], Sums], buckets: int = HOUR, days: float = 4.5) -> list[Alert]:
    """What is seen at noon after quiet days, the last buckets changed."""
    series, end = SpendSeries(), MIDNIGHT + int(days * DAY)
    for bucket in range(MIDNIGHT, end):
        sums = quiet(bucket)
        series.put(bucket, change(sums) if bucket >= end - buckets else sums)
    return find_alerts(series, end)


def test_quiet_days_are_quiet() -> None:
    assert alerts(lambda sums: sums) == []


@pytest.mark.parametrize(
    "rule, subject, change, buckets",
    [
        ("day-spend", "all", {("usd", ""): 20.0}, DAY // 2),
        ("tenant-spend", "small", {("tenant_usd", "small"): 12.0}, 2),
        ("tenant-spend", "big", {("tenant_usd", "big"): 25.0}, 2),
        ("tenant-spend", "new", {("tenant_usd", "new"): 5.0}, 2),
        ("tier-mix", "frontier", {("tier_calls", "frontier"): 30.0}, HOUR),
        ("retry-rate", "all", {("retries", ""): 20.0}, HOUR),
        ("cache-hits", "all", {("hits", ""): 10.0}, HOUR),
    ],
)
def test_a_rule_finds_its_fault_with_evidence(rule: str, subject: str, change: Sums, buckets: int) -> None:
    found = alerts(lambda sums: {**sums, **change}, buckets)
    assert [(one.rule, one.subject) for one in found] == [(rule, subject)]
    assert found[0].evidence and found[0].message


@pytest.mark.parametrize(
    "change, buckets",
    [
        ({("usd", ""): 14.0}, DAY // 2),  # 1.4 times
        ({("tenant_usd", "small"): 1.9}, 2),  # above its peak, and too little to matter
        ({("tier_calls", "frontier"): 8.0}, HOUR),  # four times
        ({("hits", ""): 30.0}, HOUR),
        ({("retries", ""): 3.0}, HOUR),
    ],
)
def test_what_is_within_its_ratio_or_too_small_is_no_news(change: Sums, buckets: int) -> None:
    assert alerts(lambda sums: {**sums, **change}, buckets) == []


def test_a_burst_that_came_before_is_no_news() -> None:
    series, end = SpendSeries(), MIDNIGHT + 4 * DAY
    burst = {MIDNIGHT + 2 * DAY + 5, MIDNIGHT + 2 * DAY + 6, end - 1, end - 2}
    for bucket in range(MIDNIGHT, end):
        series.put(bucket, {**quiet(bucket), **({("tenant_usd", "small"): 12.0} if bucket in burst else {})})
    assert find_alerts(series, end) == []


def test_the_first_day_knows_no_usual() -> None:
    assert alerts(lambda sums: {**sums, ("tenant_usd", "small"): 500.0}, 2, days=0.5) == []


def test_a_month_over_its_budget_says_how_sure_it_is() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    assert list(month_forecast(90.0, 80.0, 100.0, at)) == []
    [sure], [unsure] = (list(month_forecast(120.0, low, 100.0, at)) for low in (110.0, 90.0))
    assert "even its low end does" in sure.message and "does not" in unsure.message
