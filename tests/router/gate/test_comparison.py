"""Differences are those of the rows, and what little was seen is not taken for certainty."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.gate.comparison import LEAST, Level, accuracy_difference, level_of, pooled, price_difference
from router.gate.evidence import Evidence, from_pairs


def made(n: int, better: float = 0.0, factor: float = 1.0, source: str = "shadow", seed: int = 0) -> Evidence:
    rng = np.random.default_rng(seed)
    correct = (rng.random((n, 2)) < np.array([0.6, 0.6 + better])).astype(float)
    usd = 0.001 * np.exp(rng.normal(0, 0.5, (n, 1))) * np.array([1.0, factor])
    return from_pairs(source, usd, correct, np.ones(n, bool), {}, live=True)


def test_the_difference_is_the_mean_of_the_pairs_and_its_variance_theirs() -> None:
    one = made(4_000, better=0.1)
    found = accuracy_difference(one)
    d = one.correct[:, 1] - one.correct[:, 0]
    assert found is not None and found.value == pytest.approx(d.mean())
    assert found.information == pytest.approx(len(d) / d.var(), rel=0.01)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.25, 4.0))
def test_a_price_that_is_a_multiple_is_found_as_its_logarithm(factor: float) -> None:
    one = made(200)
    one.correct[:, 1] = one.correct[:, 0]
    one.usd[:, 1] = factor * one.usd[:, 0]
    found = price_difference(one)
    assert found is not None and found.value == pytest.approx(math.log(factor), abs=1e-9)


def test_too_few_rows_tell_nothing() -> None:
    assert accuracy_difference(made(LEAST - 1)) is None and price_difference(made(LEAST - 1)) is None


def test_rows_that_all_agree_are_no_certainty() -> None:
    one = made(100)
    one.correct[:] = 1.0
    found = accuracy_difference(one)
    assert found is not None and found.value == 0.0 and math.isfinite(found.information)


def test_sources_are_weighed_by_their_information() -> None:
    few, many = made(500, better=0.0), made(5_000, better=0.1, source="log", seed=1)
    found = pooled([(one, accuracy_difference(one)) for one in (few, many)], 0.05, 0.03)
    parts = {name: one.value for name, one in found.by_source.items()}
    assert found.value is not None and found.low is not None and found.high is not None
    assert abs(found.value - parts["log"]) < abs(found.value - parts["shadow"])
    assert found.low < found.value < found.high and found.information == pytest.approx(found.live_information)


def test_sources_that_contradict_each_other_are_told() -> None:
    for better, contradictory in ((0.0, False), (-0.3, True)):
        two = made(4_000), made(4_000, better=better, source="log", seed=1)
        assert pooled([(one, accuracy_difference(one)) for one in two], 0.05, 0.03).contradictory is contradictory


def test_nothing_known_is_no_difference() -> None:
    found = pooled([(made(1), None)], 0.05, 0.03)
    assert (found.value, found.low, found.high, found.information) == (None, None, None, 0.0)


def test_what_gets_nothing_right_has_no_price() -> None:
    assert Level(0.0, 1.0).usd_per_correct is None
    assert level_of(made(1_000), 0).usd_per_correct == pytest.approx(0.00113 / 0.6, rel=0.1)
