import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.explanations import flips

KEYS = ["a", "b", "c"]
SHARES = st.lists(st.floats(0.05, 0.95), min_size=3, max_size=3)
PRICES = st.lists(st.floats(0.0001, 1.0), min_size=3, max_size=3)


def best(p: np.ndarray, usd: np.ndarray, value: float) -> int:
    return int(np.argmax(value * p - usd))


@given(SHARES, PRICES, st.floats(0.01, 5.0))
def test_a_decision_flips_where_it_is_said_to(shares, prices, value):
    p, usd = np.array(shares), np.array(prices)
    at = best(p, usd, value)
    for flip in flips(p, usd, KEYS, at, value):
        if flip.value_above is not None:
            assert flip.value_above >= value * (1 - 1e-9)
            moved = best(p, usd, flip.value_above * (1 + 1e-6) + 1e-9)
            assert moved != at
        if flip.value_below is not None:
            assert flip.value_below <= value * (1 + 1e-9)
        if flip.usd_below is not None:
            cheaper = usd.copy()
            cheaper[KEYS.index(flip.route)] = flip.usd_below * (1 - 1e-6) - 1e-9
            assert best(p, cheaper, value) == KEYS.index(flip.route)


def test_the_ends_do_not_flip_beyond_themselves():
    p, usd = np.array([0.5, 0.9]), np.array([1.0, 2.0])
    assert all(one.value_below is None for one in flips(p, usd, KEYS[:2], 0, 0.0))
    assert all(one.value_above is None and one.usd_below is None for one in flips(p, usd, KEYS[:2], 1, math.inf))


def test_a_dominated_route_is_told_what_it_would_have_to_cost():
    (flip,) = flips(np.array([0.9, 0.8]), np.array([0.1, 0.2]), KEYS[:2], 0, 1.0)
    assert flip.usd_below == pytest.approx(0.0) if flip.usd_below == 0 else flip.usd_below is not None
