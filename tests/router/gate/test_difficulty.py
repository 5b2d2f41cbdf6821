"""Bands cover every probability once, and nothing that was not estimated."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from router.gate.difficulty import BANDS, UNKNOWN, band_of, bands_of


@given(st.floats(0, 1), st.floats(0, 1))
def test_what_is_likelier_right_is_never_in_a_harder_band(one: float, other: float) -> None:
    order = [name for name, _ in BANDS]
    low, high = sorted((one, other))
    assert order.index(band_of(low)) <= order.index(band_of(high))


def test_edges_belong_to_the_easier_band_and_what_is_unknown_to_none() -> None:
    found = bands_of(np.array([0.0, 0.5, 0.8, 1.0, np.nan]))
    assert found.tolist() == [BANDS[0][0], BANDS[1][0], BANDS[2][0], BANDS[2][0], UNKNOWN]
