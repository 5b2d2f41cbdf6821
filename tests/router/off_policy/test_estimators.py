"""Estimators on worlds small enough to know the truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.off_policy.estimators import NAMES, Bandit, bandit_of, contributions, effective_sample_size


def world(n: int, seed: int = 0, wrong: float = 0.3) -> tuple[Bandit, float]:
    """Two routes, right with chance .5 and .8; the target takes the second, the log mostly the first."""
    rng = np.random.default_rng(seed)
    logged = np.tile([0.8, 0.2], (n, 1))
    taken = (rng.random(n) < 0.2).astype(int)
    reward = (rng.random(n) < np.array([0.5, 0.8])[taken]).astype(float)
    return bandit_of(reward, taken, logged, np.tile([0.0, 1.0], (n, 1)), np.tile([0.5, 0.8 - wrong], (n, 1))), 0.8


@pytest.mark.parametrize("name", [name for name in NAMES if name != "DM"])
def test_all_but_the_direct_method_mend_a_wrong_model(name):
    values = [contributions(world(2_000, seed)[0], name).value for seed in range(20)]
    assert np.mean(values) == pytest.approx(0.8, abs=0.02)
    assert contributions(world(2_000)[0], "DM").value == pytest.approx(0.5)


@given(st.integers(0, 1000), st.integers(5, 60))
def test_on_its_own_log_every_weighted_mean_is_the_mean(seed, n):
    rng = np.random.default_rng(seed)
    reward = rng.random(n)
    own = Bandit(reward, np.ones(n), np.full(n, 0.4), np.full(n, 0.4))
    for name in ("IPS", "SNIPS", "DR"):
        assert contributions(own, name).value == pytest.approx(reward.mean())
    assert effective_sample_size(own.ratio) == pytest.approx(n)


def test_a_true_model_makes_doubly_robust_the_direct_method():
    data, _ = world(500, wrong=0.0)
    exact = Bandit(data.model, data.ratio, data.model, data.target)
    assert contributions(exact, "DR").value == pytest.approx(contributions(exact, "DM").value)


def test_rare_routes_leave_a_small_effective_sample():
    data, _ = world(1_000)
    assert effective_sample_size(data.ratio) == pytest.approx(200, rel=0.15)
