"""Intervals hold what they say, also for few pairs."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from router.intervals import correctness_difference, exact_share, mean, share


def test_nothing_known_is_no_number() -> None:
    assert all(math.isnan(one.value) for one in (share(0, 0), mean(0, 0, 0), correctness_difference(0, 0, 0)))


def test_one_value_shows_no_spread() -> None:
    assert mean(3.0, 9.0, 1).high == math.inf


def test_a_handful_of_equal_pairs_is_no_certainty() -> None:
    few = correctness_difference(0.0, 0.0, 5)
    assert few.value == 0.0 and few.high > 0.2 and few.low < -0.2


@pytest.mark.parametrize("n", [20, 200])
def test_intervals_cover_the_truth(n: int) -> None:
    rng = np.random.default_rng(3)
    draws = rng.choice([-1.0, 0.0, 1.0], (2000, n), p=[0.1, 0.75, 0.15])
    found = [correctness_difference(row.sum(), (row**2).sum(), n) for row in draws]
    inside = np.mean([one.low <= 0.05 <= one.high for one in found])
    assert inside == pytest.approx(0.955, abs=0.025)


def test_an_exact_interval_is_clopper_and_pearsons() -> None:
    assert exact_share(0, 20).low == 0.0 and exact_share(20, 20).high == 1.0
    found, none = exact_share(3, 20), exact_share(0, 0)
    known = binomtest(3, 20).proportion_ci(method="exact")
    assert (found.low, found.high) == pytest.approx((known.low, known.high))
    assert (none.low, none.high) == (0.0, 1.0)
