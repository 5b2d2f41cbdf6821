"""Simulated logs tell the truth they were made with."""

import numpy as np
import pytest

from eval.simulated_logs import LOGGING, coverage, make_world
from router.off_policy.estimators import contributions


@pytest.mark.parametrize("logging", LOGGING)
def test_every_logging_policy_reaches_every_route_and_the_truth_is_recovered(logging):
    world = make_world(logging)
    assert world.logged.min() > 0.009 and world.logged.sum(axis=1) == pytest.approx(np.ones(len(world.target)))
    assert contributions(world.log(20_000, 1), "IPS").value == pytest.approx(world.truth, abs=0.05)
    assert abs(contributions(world.log(20_000, 1), "DM").value - world.truth) > 0.02


def test_coverage_counts_intervals_that_hold():
    found = {one.estimator: one for one in coverage("uniform", repetitions=20, n=500, replicates=100)}
    assert found["DR"].bernstein == 1.0
    for share in (found["DR"].student, found["DR"].bootstrap):
        assert share >= 0.8
    assert found["DM"].student < 0.5
    assert np.isnan(found["SNIPS"].bernstein)  # a ratio has none, which is not the same as one that never holds
