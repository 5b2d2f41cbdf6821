"""Calibration figures and the evidence behind intervals."""

import numpy as np

from training.evidence import calibration_error, fit_evidence, fit_familiarity


def test_perfect_and_wrong_calibration() -> None:
    p = np.repeat([0.25, 0.75], 100)
    y = np.r_[np.ones(25), np.zeros(75), np.ones(75), np.zeros(25)]
    assert calibration_error(p, y) < 1e-12
    assert abs(calibration_error(1 - p, y) - 0.5) < 1e-12


def test_intervals_cover_the_share_correct() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random((800, 2))
    evidence = fit_evidence(truth, (rng.random((800, 2)) < truth).astype(float))
    bounds = [evidence.interval(np.full(2, p), 0.0) for p in np.linspace(0.1, 0.9, 17)]
    covered = [low[0] <= p <= high[0] for p, (low, high) in zip(np.linspace(0.1, 0.9, 17), bounds)]
    assert all(covered) and max(high[0] - low[0] for low, high in bounds) < 0.3


def test_unfamiliar_requests_are_told_by_their_similarity() -> None:
    rng = np.random.default_rng(0)
    near, far = rng.normal(0.8, 0.05, 200), rng.normal(0.4, 0.05, 200)
    familiarity = fit_familiarity(near, far)
    assert familiarity.unlike(0.8) < 0.05 and familiarity.unlike(0.35) > 0.9
    assert fit_familiarity(near, None).unlike(0.3) > 0.9
