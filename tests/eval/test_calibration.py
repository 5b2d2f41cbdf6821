import numpy as np
import pytest

from eval.calibration import calibrate, equal_mass


def test_honest_estimates_have_a_small_error_that_shrinks_with_n() -> None:
    rng = np.random.default_rng(0)
    errors = []
    for n in (200, 8000):
        p = rng.random((n, 1))
        errors.append(calibrate(p, (rng.random((n, 1)) < p).astype(float), ("r",), 50)[1].ece.value)
    assert errors[1] < 0.02 < errors[0] < 0.12


def test_constant_overconfidence_is_measured_exactly() -> None:
    p, correct = np.full((100, 1), 0.9), np.repeat([[1.0], [0.0]], 50, axis=0)
    one = calibrate(p, correct, ("r",), 200)[1]
    assert one.ece.value == pytest.approx(0.4) and one.brier.value == pytest.approx(0.41)
    assert one.ece.low < 0.4 < one.ece.high and len(one.bins) == 1


def test_bins_hold_equally_many_and_equal_estimates_share_one() -> None:
    p = np.linspace(0, 1, 100)[:, None]
    assert np.bincount(equal_mass(p, np.ones_like(p, bool), 10).ravel()).tolist() == [10] * 10
    p[:50] = 0.2
    assert len(np.bincount(equal_mass(p, np.ones_like(p, bool), 10).ravel())) == 6


def test_cells_without_label_do_not_count_and_empty_routes_are_left_out() -> None:
    p = np.full((10, 3), 0.5)
    correct = np.column_stack([np.ones(10), np.r_[np.ones(4), np.full(6, np.nan)], np.full(10, np.nan)])
    found = {one.name: one.n for one in calibrate(p, correct, ("a", "b", "c"), 20)}
    assert found == {"all routes": 14, "a": 10, "b": 4}
