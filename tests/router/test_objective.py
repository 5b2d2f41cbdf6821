import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from router.objective import choose

P = np.array([[0.6, 0.8, 0.9], [0.5, 0.5, 0.5]])
USD = np.array([[0.001, 0.004, 0.02], [0.001, 0.001, 0.02]])
TABLES = st.tuples(st.integers(1, 6), st.integers(1, 5)).flatmap(
    lambda shape: st.tuples(
        arrays(np.float64, shape, elements=st.floats(0, 1)), arrays(np.float64, shape, elements=st.floats(0, 10))
    )
)


@pytest.mark.parametrize(("value", "first"), [(0.0, 0), (0.01, 0), (0.02, 1), (0.1, 1), (0.2, 2), (math.inf, 2)])
def test_more_value_buys_more_quality(value, first):
    assert choose(P, USD, value)[0] == first


def test_at_the_boundary_the_cheaper_of_two_equal_options_wins():
    p, usd = np.array([[0.5, 0.75]]), np.array([[0.25, 0.5]])
    assert choose(p, usd, 1.0)[0] == 0


def test_ties_go_to_the_cheaper_then_the_earlier():
    assert list(choose(P, USD, math.inf)) == [2, 0]


def test_of_equally_cheap_routes_the_better_one_is_the_cheapest():
    assert choose(np.array([[0.3, 0.6]]), np.array([[0.001, 0.001]]), 0.0)[0] == 1


def test_nothing_feasible_is_minus_one():
    assert list(choose(P, USD, 1.0, np.array([[False] * 3, [False, True, False]]))) == [-1, 1]


@given(TABLES, st.floats(0, 1e4))
def test_no_option_is_worth_more_than_the_chosen(table, value):
    p, usd = table
    picked = choose(p, usd, value)
    worth = value * p - usd
    assert (worth[np.arange(len(p)), picked] == worth.max(axis=1)).all()


@given(TABLES, st.floats(0, 100), st.floats(0, 100))
def test_expected_cost_and_quality_rise_with_the_value(table, a, b):
    p, usd = table
    low, high = sorted((a, b))
    rows = np.arange(len(p))
    cheap, good = choose(p, usd, low), choose(p, usd, high)
    assert (p[rows, good] >= p[rows, cheap] - 1e-9).all()
    assert (usd[rows, good] >= usd[rows, cheap] - 1e-9 * max(1, high)).all()


@given(TABLES, st.floats(0, 1e3))
def test_a_row_is_decided_alike_alone_and_among_others(table, value):
    p, usd = table
    together = choose(p, usd, value)
    assert list(together) == [choose(p[i : i + 1], usd[i : i + 1], value)[0] for i in range(len(p))]
