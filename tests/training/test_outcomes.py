"""Outcome matrices with gaps."""

import numpy as np
import pytest

from training.outcomes import level_and_contrasts, read_outcomes


def test_gaps_take_their_query_s_mean_residual() -> None:
    correct = np.array([[0.0, 0.0, np.nan], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
    outcomes = read_outcomes(correct)
    assert outcomes.residual[0, 2] < 0 and np.isfinite(outcomes.residual).all()


def test_a_route_with_one_label_has_a_rate_near_all_routes() -> None:
    correct = np.full((50, 2), np.nan)
    correct[:, 0] = 1.0
    correct[0, 1] = 0.0
    assert 0.5 < read_outcomes(correct).base[1] < 0.9


@pytest.mark.parametrize("routes", [1, 2, 5])
def test_the_basis_is_orthonormal_and_starts_with_the_level(routes: int) -> None:
    basis = level_and_contrasts(np.random.default_rng(0).normal(size=(30, routes)))
    assert np.allclose(basis.T @ basis, np.eye(routes), atol=1e-9)
    assert np.allclose(np.abs(basis[:, 0]), 1 / np.sqrt(routes))
