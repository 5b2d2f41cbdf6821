"""The risk model recovers a known world, is unsure where it has seen nothing, and survives a restart."""

import json

import numpy as np
import pytest

from router.cache.risk_model import CONTEXT_FEATURES, RiskModel
from router.cache.verifier import RiskPrior, Verifier

N = len(CONTEXT_FEATURES)
FLAT = RiskPrior(CONTEXT_FEATURES, np.zeros(N), np.ones(N), np.zeros(N + 1), np.ones(N + 1))


def test_it_learns_which_feature_matters() -> None:
    rng, model = np.random.default_rng(0), RiskModel(FLAT)
    for _ in range(1_500):
        x = rng.normal(size=N)
        model.learn(x, bool(rng.random() < 1 / (1 + np.exp(-2 * x[0]))))
    up, down = np.zeros(N), np.zeros(N)
    up[0], down[0] = 1.5, -1.5
    assert model.risk(up, 50) == pytest.approx(1 / (1 + np.exp(3)), abs=0.04)
    assert model.risk(down, 50) == pytest.approx(1 / (1 + np.exp(-3)), abs=0.04)


def test_where_nothing_happened_yet_the_risk_is_higher(verifier: Verifier) -> None:
    model, safe = RiskModel(verifier.prior), verifier.prior.mean + 2 * verifier.prior.scale
    assert model.risk(safe, 0.0) > model.risk(safe, 10.0)


def test_it_follows_a_change() -> None:
    model, x = RiskModel(FLAT), np.zeros(N)
    for valid in [True] * 400 + [False] * 400:
        model.learn(x, valid)
    assert model.risk(x, 10) > 0.5


def test_a_restart_remembers() -> None:
    model, rng = RiskModel(FLAT), np.random.default_rng(1)
    for _ in range(50):
        model.learn(rng.normal(size=N), bool(rng.random() < 0.5))
    again = RiskModel(FLAT)
    assert again.restore(json.loads(json.dumps(model.to_dict())))
    assert again.risk(np.ones(N), 1) == model.risk(np.ones(N), 1)


@pytest.mark.parametrize("damage", [{"weights": [1.0]}, {"names": ["x"]}, {"covariance": "?"}, {"labels": None}])
def test_a_damaged_or_foreign_state_is_not_taken(damage: dict[str, object]) -> None:
    assert not RiskModel(FLAT).restore(RiskModel(FLAT).to_dict() | damage)
