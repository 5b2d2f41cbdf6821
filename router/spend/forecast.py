"""What the month and the year will have cost: daily sums, carried on by weekday. Assumptions are part of the answer."""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

LOOK_BACK_DAYS = 28
SHRINK = 2.0  # days of the overall mean that each weekday's mean is mixed with
DRAWS = 500


@dataclass(frozen=True)
class Forecast:
    """USD with its 95 % interval; `spent` so far. `days` is how many full days it was learnt from."""

    spent: float
    expected: float
    low: float
    high: float
    days: int
    assumptions: tuple[str, ...]


def forecast_month(daily_usd: Mapping[date, float], today: date, spent_today: float = 0.0) -> Forecast | None:
    """The month that `today` is in, from sums of days before today; None before the first full day."""
    last = date(today.year, today.month, calendar.monthrange(today.year, today.month)[1])
    before = sum(usd for day, usd in daily_usd.items() if (day.year, day.month) == (today.year, today.month))
    return _forecast(daily_usd, today, spent_today, last, before)


def forecast_year(daily_usd: Mapping[date, float], today: date, spent_today: float = 0.0) -> Forecast | None:
    """The calendar year that `today` is in, as `forecast_month`."""
    before = sum(usd for day, usd in daily_usd.items() if day.year == today.year)
    return _forecast(daily_usd, today, spent_today, date(today.year, 12, 31), before)


def _forecast(
    daily_usd: Mapping[date, float], today: date, spent_today: float, last: date, before: float
) -> Forecast | None:
    known = sorted(day for day in daily_usd if day < today)[-LOOK_BACK_DAYS:]
    if not known:
        return None
    first = known[0]
    days = [first + timedelta(days=i) for i in range((today - first).days)]
    usd = np.array([daily_usd.get(day, 0.0) for day in days])
    level = _weekday_means(days, usd)
    ahead = [today + timedelta(days=i) for i in range((last - today).days + 1)]
    expected = np.array([level[day.weekday()] for day in ahead])
    ratios = usd / np.maximum([level[day.weekday()] for day in days], 1e-300)
    draws = np.random.default_rng(0).choice(ratios, (DRAWS, len(ahead))) * expected
    # the level itself is as uncertain as its days are few
    levels = np.random.default_rng(1).choice(ratios, (DRAWS, len(ratios))).mean(axis=1, keepdims=True)
    totals = np.maximum(draws[:, 0], spent_today) + (draws[:, 1:].sum(axis=1)) if len(ahead) else draws.sum(axis=1)
    low, high = np.percentile(before + totals * levels[:, 0], [2.5, 97.5])
    rest = max(float(expected[0]), spent_today) + float(expected[1:].sum())
    return Forecast(before + spent_today, before + rest, float(low), float(high), len(days), _assumptions(len(days)))


def _weekday_means(days: list[date], usd: np.ndarray) -> np.ndarray:
    overall = float(usd.mean())
    sums, counts = np.zeros(7), np.zeros(7)
    for day, amount in zip(days, usd):
        sums[day.weekday()] += amount
        counts[day.weekday()] += 1
    return (sums + SHRINK * overall) / (counts + SHRINK)


def _assumptions(days: int) -> tuple[str, ...]:
    return (
        f"the next days are like the last {days} (each weekday like its own, shrunk towards the mean)",
        "no growth, and prices, routes and budgets as they are today",
        "today costs its usual, or what it has cost already where that is more",
        "days are independent: a lasting change moves every day of the interval together, and is not in it",
    )
