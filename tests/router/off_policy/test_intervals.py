"""Intervals of logged contributions."""

import numpy as np
import pytest

from router.off_policy.estimators import Bandit, Contributions, bandit_of, contributions
from router.off_policy.intervals import bernstein_interval, bootstrap_intervals, student_interval

TRUTH = 0.8


def logged(n: int, seed: int = 0) -> Bandit:
    """Two routes, right with chance .5 and .8; the target takes the second, the log mostly the first."""
    rng = np.random.default_rng(seed)
    taken = (rng.random(n) < 0.2).astype(int)
    reward = (rng.random(n) < np.array([0.5, TRUTH])[taken]).astype(float)
    probability, target, model = (np.tile(one, (n, 1)) for one in ([0.8, 0.2], [0.0, 1.0], [0.5, 0.5]))
    return bandit_of(reward, taken, probability, target, model)


def test_intervals_hold_the_truth_and_bernsteins_is_the_wider():
    for seed in range(10):
        made = contributions(logged(3_000, seed), "DR")
        sure = bernstein_interval(made, spread=11.0)
        for near in (bootstrap_intervals([made], replicates=200)[0], student_interval(made)):
            assert sure[0] < near[0] < near[1] < sure[1]
        assert sure[0] <= TRUTH <= sure[1]


def test_with_even_contributions_students_interval_is_the_normal_one():
    values = np.resize([0.0, 1.0], 10_000)
    low, high = student_interval(Contributions("IPS", values, np.ones(10_000)))
    assert (high - low) / 2 == pytest.approx(1.96 * 0.5 / 100, rel=1e-3)


def test_a_mean_that_one_row_carries_is_less_sure_than_its_standard_error_says():
    values = np.r_[np.zeros(999), 500.0]
    low, high = student_interval(Contributions("IPS", values, np.ones(1_000)))
    assert (high - low) / 2 > 2 * 1.96 * values.std() / np.sqrt(1_000)


def test_a_shrunk_estimate_is_as_sure_as_the_unshrunk_one_and_no_surer():
    data = logged(400)
    whole, shrunk = (student_interval(contributions(data, name)) for name in ("DR", "DRos"))
    assert shrunk[1] - shrunk[0] == pytest.approx(whole[1] - whole[0])


def test_a_ratio_has_no_bernstein_interval():
    assert np.isnan(bernstein_interval(contributions(logged(100), "SNIPS"))).all()


def test_one_row_tells_no_interval_and_equal_ones_tell_their_value():
    assert np.isnan(student_interval(Contributions("IPS", np.ones(1), np.ones(1)))).all()
    assert student_interval(Contributions("IPS", np.ones(5), np.ones(5))) == (1.0, 1.0)
