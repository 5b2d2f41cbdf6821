import numpy as np
import pytest

from router.routes import Route
from training.operating_point import Objective, sweep
from training.promised_point import promised_point

ROUTES = (Route("cheap", "none"), Route("dear", "none"))


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(0)
    p = np.column_stack([rng.uniform(0.3, 0.95, 1500), np.full(1500, 0.9)])
    correct = (rng.random(p.shape) < p).astype(float)
    usd = np.tile([0.001, 0.02], (1500, 1))
    return p, usd, correct, usd


def point(world, **objective):
    p, usd, correct, paid = world
    found = sweep(p, usd, correct, paid)
    return promised_point(found, Objective(**objective), ROUTES, p, usd, correct, paid, 0.05, seed=0)


def test_without_confidence_it_is_a_point_estimate(world):
    assert "promise" not in point(world, floor="0.8") and "point estimate" in point(world, floor="0.8")["kind"]


def test_a_promise_costs_more_than_an_estimate_and_says_what(world):
    plain, promised = point(world, floor="0.8"), point(world, floor="0.8", confidence=0.95, draws=50)
    assert promised["out_of_fold_usd"] > plain["out_of_fold_usd"] and promised["price_of_certainty_usd"] > 0
    assert promised["confidence"] == 0.95 and promised["verified"]["simulated_draws"] == 50


def test_a_floor_near_a_route_names_the_route(world):
    assert point(world, floor="within 0.05 of best", confidence=0.9)["promise"] == "accuracy within 0.05 of dear|none"


def test_a_ceiling_is_kept(world):
    assert point(world, max_usd=0.012, confidence=0.95)["out_of_fold_usd"] <= 0.012
