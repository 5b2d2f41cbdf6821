"""Tokens and seconds: means and quantiles that hold, defaults that are stated."""

import numpy as np
import pytest

from training.usage import fit_amounts, fit_input_tokens


def test_a_template_and_a_rate_are_found() -> None:
    chars = np.arange(50, 1050, 10)
    tokens = np.column_stack([30 + chars / 3, np.full(100, np.nan)])
    fitted = fit_input_tokens(tokens, chars)
    assert fitted.estimate(600.0) == pytest.approx([230, 150], rel=1e-6)


def test_mean_and_high_quantile_hold_out_of_fold() -> None:
    rng = np.random.default_rng(0)
    dense = rng.normal(size=(600, 4))
    values = np.exp(4 + dense[:, :1] + rng.normal(size=(600, 2)) * 0.5)
    fitted = fit_amounts(dense, values, np.arange(600) % 5, 1.0, assumed=True)
    assert fitted.mean.mean() == pytest.approx(values.mean(), rel=0.08)
    assert fitted.coverage == pytest.approx(0.95, abs=0.02)


def test_a_route_without_measurements_borrows_from_the_others() -> None:
    values = np.full((40, 2), np.nan)
    values[:, 0] = 100.0
    mean, high = fit_amounts(np.zeros((40, 1)), values, np.arange(40) % 5, 1.0, True).amounts.estimate(np.zeros(1))
    assert mean == pytest.approx([100, 100], rel=0.05) and (high >= mean).all()


def test_nothing_measured_is_the_stated_default() -> None:
    nothing = np.full((4, 2), np.nan)
    fitted = fit_amounts(np.zeros((4, 3)), nothing, np.arange(4), 1.0, assumed=True)
    assert fitted.labels == 0 and fitted.coverage is None
    assert fitted.amounts.estimate(np.zeros(3))[1] == pytest.approx([1024, 1024])


def test_a_route_that_always_takes_the_same_is_not_moved_by_what_moves_the_others() -> None:
    rng = np.random.default_rng(1)
    dense = rng.normal(size=(300, 30))
    values = np.exp(5 + dense[:, :1] + rng.normal(size=(300, 3)))
    values[:, 2] = 4000 + rng.integers(0, 20, 300)
    mean = fit_amounts(dense, values, np.arange(300) % 5, 1.0, assumed=True).mean
    assert mean[:, 2] == pytest.approx(values[:, 2].mean(), rel=0.01)
    assert np.corrcoef(mean[:, 0], dense[:, 0])[0, 1] > 0.5
