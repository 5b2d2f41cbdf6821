"""The bound on false alarms a week is that of a Poisson rate."""

import numpy as np
import pytest

from eval.bench_drift import most_per_week


def test_without_an_alarm_the_bound_is_the_rule_of_three() -> None:
    assert most_per_week(0, 21) == pytest.approx(-np.log(0.05) / 3)


def test_alarms_raise_the_bound_and_days_lower_it() -> None:
    assert most_per_week(0, 14) < most_per_week(1, 14) < most_per_week(2, 14)
    assert most_per_week(1, 28) == pytest.approx(most_per_week(1, 14) / 2)


def test_a_rate_at_the_bound_shows_so_few_alarms_once_in_twenty() -> None:
    counts = np.random.default_rng(0).poisson(most_per_week(2, 7), 40_000)
    assert (counts <= 2).mean() == pytest.approx(0.05, abs=0.005)
