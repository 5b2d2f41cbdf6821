"""The boundary holds a whole path, and what is said to be needed is enough."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.gate.boundary import half_width, information_needed

levels, scales = st.floats(0.001, 0.2), st.floats(0.001, 1.0)


@given(st.floats(1e-3, 1e9), levels, scales)
def test_more_information_and_a_larger_level_narrow_it(information, level, scale):
    width = half_width(information, level, scale)
    assert half_width(2 * information, level, scale) < width
    assert half_width(information, 1.5 * level, scale) < width


@given(st.floats(1e-4, 1.0), levels, scales)
def test_the_information_needed_is_what_shrinks_the_width_to_the_distance(distance, level, scale):
    needed = information_needed(distance, level, scale)
    assert half_width(needed, level, scale) == pytest.approx(distance, rel=1e-6)


def test_no_information_and_no_distance_are_told_apart():
    assert half_width(0.0, 0.05, 0.1) == np.inf
    assert information_needed(0.0, 0.05, 0.1) == np.inf


def test_a_path_that_is_looked_at_every_step_leaves_it_rarely():
    """1,000 paths of 2,000 looks; a fixed interval of the same level would be left by about half of them."""
    paths = np.cumsum(np.random.default_rng(0).normal(size=(1_000, 2_000)), axis=1)
    count = np.arange(1, 2_001)
    bound = np.array([half_width(float(n), 0.05, 0.1) * n for n in count])
    assert (paths > bound).any(axis=1).mean() <= 0.05
    assert (paths > 1.645 * np.sqrt(count)).any(axis=1).mean() > 0.3
