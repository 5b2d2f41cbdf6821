"""Outcome matrices with gaps."""

import numpy as np
import pytest

from training.outcomes import Prior, level_and_contrasts, read_outcomes


def test_gaps_take_their_query_s_mean_residual() -> None:
    correct = np.array([[0.0, 0.0, np.nan], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
    outcomes = read_outcomes(correct)
    assert outcomes.residual[0, 2] < 0 and np.isfinite(outcomes.residual).all()


def test_a_route_with_one_label_has_a_rate_near_all_routes() -> None:
    correct = np.full((50, 2), np.nan)
    correct[:, 0] = 1.0
    correct[0, 1] = 0.0
    assert 0.5 < read_outcomes(correct).base[1] < 0.9


def test_a_prior_counts_as_many_labels_as_it_says() -> None:
    correct = np.array([[1.0, 0.0]] * 10)
    firm = read_outcomes(correct, Prior(np.array([0.5, 0.5]), labels=10.0)).base
    assert firm == pytest.approx([0.75, 0.25])


def test_a_route_that_was_run_on_easy_requests_only_is_not_believed_as_good_as_they_were_easy() -> None:
    rng = np.random.default_rng(0)
    easy = rng.random(2000) < 0.5
    correct = (rng.random((2000, 4)) < np.where(easy, 0.9, 0.3)[:, None]).astype(float)
    correct[~easy, 3] = np.nan
    assert read_outcomes(correct).base[3] < 0.8 < np.nanmean(correct[:, 3])


def test_routes_that_were_run_on_everything_keep_their_means() -> None:
    correct = (np.random.default_rng(1).random((400, 3)) < [0.2, 0.5, 0.8]).astype(float)
    shrunk = (correct.sum(axis=0) + 4 * (correct.sum() + 0.5) / 1201) / 404
    assert read_outcomes(correct).base == pytest.approx(shrunk, abs=1e-12)


@pytest.mark.parametrize("routes", [1, 2, 5])
def test_the_basis_is_orthonormal_and_starts_with_the_level(routes: int) -> None:
    basis = level_and_contrasts(np.random.default_rng(0).normal(size=(30, routes)))
    assert np.allclose(basis.T @ basis, np.eye(routes), atol=1e-9)
    assert np.allclose(np.abs(basis[:, 0]), 1 / np.sqrt(routes))
