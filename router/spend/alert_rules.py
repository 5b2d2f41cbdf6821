"""What is odd about spend: each rule looks at the series up to a moment and says what it saw. Pure; sends nothing.

A rule must be true in three ways before it speaks: by ratio (the user's number: 1.5 ×, 5 ×, 10 ×), by weight (enough
money or calls to matter) and against its own past (a tenant that bursts every morning is no news at the tenth burst).
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from router.spend.series import BUCKET_SECONDS, DAY, HOUR, Key, SpendSeries

DAY_RATIO, TIER_RATIO, TENANT_RATIO = 1.5, 5.0, 10.0
TENANT_WINDOW = 2  # buckets
TENANT_WEIGHT = 0.2  # of the usual spend of all
PEAK_RATIO = 1.25  # above the tenant's own highest window of the last seven days
SURGE_RATIO = 1.5  # the same for a tenant that spends too much already to reach ten times its mean
LEAST_DAY_SHARE = 0.1  # of a usual day: the first minutes after midnight prove nothing
LEAST_TIER_SHARE, LEAST_CALLS = 0.05, 100
RETRY_RATIO, LEAST_RETRY_RATE = 3.0, 0.05
HIT_RATIO, Z = 0.5, 4.0


@dataclass(frozen=True)
class Alert:
    """Something odd: the rule, what it is about, a sentence, and the numbers behind it."""

    rule: str
    subject: str
    at: datetime
    message: str
    evidence: Mapping[str, Any]


Rule = Callable[[SpendSeries, int], Iterator[Alert]]


def find_alerts(series: SpendSeries, end: int) -> list[Alert]:
    """What every rule sees in the buckets before `end`."""
    return [alert for rule in RULES for alert in rule(series, end)]


def day_spend(series: SpendSeries, end: int) -> Iterator[Alert]:
    """Today so far against the mean of the seven days before at the same time of day."""
    so_far, started = (end - 1) % DAY + 1, end - ((end - 1) % DAY + 1)
    today = series.last(("usd", ""), end, so_far)
    before, whole = [], []
    for days_ago in range(1, 8):
        start = started - days_ago * DAY
        if series.first is not None and start >= series.first:
            before.append(series.last(("usd", ""), start + so_far, so_far))
            whole.append(series.last(("usd", ""), start + DAY, DAY))
    if len(before) < 2:
        return
    usual, usual_day = sum(before) / len(before), sum(whole) / len(whole)
    if usual >= LEAST_DAY_SHARE * usual_day and today > DAY_RATIO * usual > 0:
        said = f"today's spend is {today / usual:.1f} × its usual by this time of day"
        yield _alert("day-spend", "all", end, said, usd=today, usual_usd=usual, days=len(before))


def tenant_spend(series: SpendSeries, end: int) -> Iterator[Alert]:
    """A tenant's last minutes against its own mean, its own peaks, and what everybody usually spends."""
    usual_all = _mean(series, ("usd", ""), end)
    if usual_all is None:
        return
    for name in series.names("tenant_usd"):
        key = ("tenant_usd", name)
        now = series.last(key, end, TENANT_WINDOW) / TENANT_WINDOW
        if now <= TENANT_WEIGHT * usual_all:
            continue
        past = series.history(key, end - TENANT_WINDOW, 7 * DAY)
        usual = float(past.mean()) if len(past) else 0.0
        # the hour before may be the same burst; older peaks are what the tenant is known for
        settled = past[: max(len(past) - HOUR, 0)]
        peak = float((settled[1:] + settled[:-1]).max()) / TENANT_WINDOW if len(settled) > 1 else 0.0
        tenfold = now > TENANT_RATIO * usual and now > PEAK_RATIO * peak
        surge = len(settled) >= 2 * DAY and now > SURGE_RATIO * peak
        if (tenfold or surge) and now - usual > TENANT_WEIGHT * usual_all:
            times = f"{now / usual:.1f} ×" if usual else "much more than"
            said = f"{name} spends {times} its own mean: {now / usual_all:.0%} of what all usually spend"
            hourly = 3600 / BUCKET_SECONDS
            evidence = {"usd_per_hour": now * hourly, "usual_usd_per_hour": usual * hourly, "peak": peak * hourly}
            yield _alert("tenant-spend", name, end, said, **evidence)


def tier_mix(series: SpendSeries, end: int) -> Iterator[Alert]:
    """A tier's share of the last hour's calls against its share before."""
    calls, past_calls = _recent(series, ("calls", ""), end)
    if calls < LEAST_CALLS or past_calls < LEAST_CALLS:
        return
    for tier in series.names("tier_calls"):
        now, before = _recent(series, ("tier_calls", tier), end)
        share, usual = now / calls, (before + 1) / (past_calls + 2)
        if share > max(TIER_RATIO * usual, LEAST_TIER_SHARE) and _z(now, calls, usual) > Z:
            said = f"tier {tier} takes {share:.0%} of calls, usually {usual:.1%}"
            yield _alert("tier-mix", tier, end, said, share=share, usual_share=usual, calls=calls)


def retry_rate(series: SpendSeries, end: int) -> Iterator[Alert]:
    """Retries per call in the last hour against before."""
    calls, past_calls = _recent(series, ("calls", ""), end)
    retries, before = _recent(series, ("retries", ""), end)
    if calls < LEAST_CALLS or past_calls < LEAST_CALLS:
        return
    rate, usual = retries / calls, (before + 1) / (past_calls + 2)
    if rate > max(RETRY_RATIO * usual, LEAST_RETRY_RATE) and _z(retries, calls, usual) > Z:
        said = f"{rate:.0%} of calls are retries, usually {usual:.1%}"
        yield _alert("retry-rate", "all", end, said, rate=rate, usual_rate=usual, calls=calls)


def cache_hits(series: SpendSeries, end: int) -> Iterator[Alert]:
    """The share of requests that the cache answered in the last hour against before."""
    calls, past_calls = _recent(series, ("calls", ""), end)
    hits, before = _recent(series, ("hits", ""), end)
    asked, past_asked = calls + hits, past_calls + before
    if asked < LEAST_CALLS or past_asked < LEAST_CALLS:
        return
    rate, usual = hits / asked, before / past_asked
    if rate < HIT_RATIO * usual and _z(hits, asked, usual) < -Z:
        said = f"the cache answers {rate:.0%} of requests, usually {usual:.0%}"
        yield _alert("cache-hits", "all", end, said, rate=rate, usual_rate=usual, requests=asked)


def month_forecast(expected: float, low: float, budget_usd: float, at: datetime) -> Iterator[Alert]:
    """The month's forecast against its budget."""
    if expected > budget_usd:
        sure = "even its low end does" if low > budget_usd else f"its low end of ${low:,.2f} does not"
        said = f"the month is forecast at ${expected:,.2f}, over its budget of ${budget_usd:,.2f}; {sure}"
        evidence = {"expected_usd": expected, "low_usd": low, "budget_usd": budget_usd}
        yield Alert("month-forecast", f"{at:%Y-%m}", at, said, evidence)


RULES: tuple[Rule, ...] = (day_spend, tenant_spend, tier_mix, retry_rate, cache_hits)


def _recent(series: SpendSeries, key: Key, end: int) -> tuple[float, float]:
    """The last hour's sum and that of the seven days before it."""
    return series.last(key, end, HOUR), series.last(key, end - HOUR, 7 * DAY)


def _mean(series: SpendSeries, key: Key, end: int) -> float | None:
    """Mean per bucket of the last seven days; None in the first day, when nobody knows what is usual."""
    past = series.history(key, end, 7 * DAY)
    return float(past.mean()) if len(past) >= DAY else None


def _z(count: float, trials: float, rate: float) -> float:
    return (count - trials * rate) / math.sqrt(max(trials * rate * (1 - rate), 1e-9))


def _alert(rule: str, subject: str, end: int, said: str, **evidence: float) -> Alert:
    return Alert(rule, subject, datetime.fromtimestamp(end * BUCKET_SECONDS, UTC), said, evidence)
