"""Tests keep their error under peeking, and detectors find what they should."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.sequential import MeanDetector, mean_bounds, rate_e_value


def test_a_rate_test_that_is_looked_at_always_rarely_lies() -> None:
    rng = np.random.default_rng(0)
    lied = 0
    for draws in rng.random((400, 300)) < 0.05:
        counts = np.cumsum(draws)
        lied += any(rate_e_value(counts[i], i + 1, 0.05) > 20 for i in range(0, 300, 5))
    assert lied / 400 <= 0.05


def test_a_rate_that_trebles_is_found() -> None:
    assert rate_e_value(30, 200, 0.05) > 1000 and rate_e_value(10, 200, 0.05) < 1


@given(st.integers(0, 50), st.floats(0.01, 0.9))
def test_a_rate_e_value_averages_to_at_most_one(n: int, most: float) -> None:
    mean = sum(math.comb(n, k) * most**k * (1 - most) ** (n - k) * rate_e_value(k, n, most) for k in range(n + 1))
    assert mean <= 1 + 1e-6


def test_bounds_hold_at_all_times_at_once() -> None:
    rng = np.random.default_rng(1)
    missed = 0
    for values in rng.exponential(1.0, (200, 1000)):
        looks = (mean_bounds(values[:n]) for n in range(60, 1001, 20))
        missed += any(not low <= 1.0 <= high for low, high in looks)
    assert missed / 200 <= 0.09


def test_few_values_bound_nothing() -> None:
    assert mean_bounds(np.ones(10)) == (-math.inf, math.inf)


def test_a_detector_rests_while_nothing_changes() -> None:
    rng, cried, blocks = np.random.default_rng(2), 0, 0
    for _ in range(20):
        detector = MeanDetector(0.49, 0.51)
        for _ in range(200):
            detector.feed(rng.random(20))
            blocks += 1
            if detector.log_evidence > math.log(4000):
                cried, detector = cried + 1, MeanDetector(0.49, 0.51)
    assert cried <= 2 * blocks / 4000


@pytest.mark.parametrize("shift, side", [(0.15, "up"), (-0.15, "down")])
def test_a_shift_is_found_and_its_side_told(shift: float, side: str) -> None:
    rng, detector = np.random.default_rng(3), MeanDetector(0.48, 0.52)
    for _ in range(50):
        detector.feed(rng.random(20))
    for _ in range(40):
        detector.feed(np.clip(rng.random(20) + shift, 0, 1))
    assert detector.log_evidence > math.log(4000) and detector.side == side


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_values_at_their_bounds_break_nothing(values: list[float]) -> None:
    detector = MeanDetector(0.0, 1.0)
    detector.feed(np.array(values))
    assert math.isfinite(detector.log_evidence)
