"""A forecast carries on what it saw, and is unsure of what it saw little of."""

from datetime import date, timedelta

import numpy as np
import pytest

from router.spend.forecast import forecast_month, forecast_year

TODAY = date(2026, 3, 16)


def days(usd: list[float]) -> dict[date, float]:
    return {TODAY - timedelta(days=i + 1): amount for i, amount in enumerate(usd)}


def test_constant_days_are_carried_on_exactly() -> None:
    month, year = (forecast(days([10.0] * 28), TODAY, 4.0) for forecast in (forecast_month, forecast_year))
    assert (month.spent, month.expected) == (154.0, 310.0)
    assert (month.low, month.high) == pytest.approx((310.0, 310.0))
    assert year.expected == pytest.approx(28 * 10 + (date(2026, 12, 31) - TODAY).days * 10 + 10)


def test_weekdays_cost_what_weekdays_cost() -> None:
    busy = {
        TODAY - timedelta(days=i): 100.0 if (TODAY - timedelta(days=i)).weekday() < 5 else 0.0 for i in range(1, 29)
    }
    month = forecast_month(busy, TODAY)
    left = sum((TODAY + timedelta(days=i)).weekday() < 5 for i in range(16))
    assert month.expected == pytest.approx(
        sum(usd for day, usd in busy.items() if day.month == 3) + 100 * left, rel=0.05
    )


def test_a_day_that_costs_more_than_usual_already_counts_as_it_is() -> None:
    assert forecast_month(days([10.0] * 28), TODAY, 500.0).expected == 150 + 500 + 150


def test_the_interval_covers_what_comes_and_is_wider_from_fewer_days() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(40):
        usd = list(rng.lognormal(3, 0.5, 28))
        month = forecast_month(days(usd), TODAY)
        covered += month.low <= month.spent + rng.lognormal(3, 0.5, 16).sum() <= month.high
    assert covered >= 33
    few, many = (forecast_month(days(list(rng.lognormal(3, 0.5, count))), TODAY) for count in (4, 28))
    assert (few.high - few.low) / few.expected > (many.high - many.low) / many.expected


def test_without_a_full_day_there_is_no_forecast() -> None:
    assert forecast_month({}, TODAY, 3.0) is None
