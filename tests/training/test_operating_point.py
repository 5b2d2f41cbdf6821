import numpy as np
import pytest

from router.errors import InputError
from router.routes import Route
from training.operating_point import Objective, accuracy_floor, check_objective, operating_point, sweep

ROUTES = (Route("cheap", "none"), Route("dear", "high"))
RNG = np.random.default_rng(0)
P = np.column_stack([RNG.uniform(0.2, 0.9, 400), RNG.uniform(0.85, 0.99, 400)])
USD = np.tile([0.001, 0.02], (400, 1))
CORRECT = (RNG.random((400, 2)) < P).astype(float)


@pytest.fixture
def found():
    return sweep(P, USD, CORRECT, USD)


def test_the_sweep_runs_from_the_cheapest_to_the_best(found):
    assert found.usd[0] == pytest.approx(0.001)
    assert (np.diff(found.usd) >= -1e-12).all() and found.accuracy[-1] > found.accuracy[0]


def test_points_begin_and_end_at_the_ends_and_are_ordered(found):
    values = found.points(21)
    assert len(values) == 21 and values[0] == 0 and np.isinf(values[-1])
    assert (np.diff(values[:-1]) >= 0).all()


def test_a_floor_is_kept_at_the_least_cost(found):
    point = operating_point(found, Objective("0.85"), ROUTES, CORRECT)
    assert point["out_of_fold_accuracy"] >= 0.85 and point["floor_reached"]
    cheaper = found.usd < point["out_of_fold_usd"] - 1e-12
    assert (found.accuracy[cheaper] < 0.85).all()


def test_a_floor_out_of_reach_is_said_and_the_best_taken(found):
    point = operating_point(found, Objective("0.999"), ROUTES, CORRECT)
    assert not point["floor_reached"] and point["out_of_fold_accuracy"] == found.accuracy.max()


def test_a_ceiling_is_kept(found):
    point = operating_point(found, Objective(max_usd=0.01), ROUTES, CORRECT)
    assert point["out_of_fold_usd"] <= 0.01


def test_a_ceiling_below_the_cheapest_is_refused(found):
    with pytest.raises(InputError, match="max-usd"):
        operating_point(found, Objective(max_usd=0.0001), ROUTES, CORRECT)


def test_a_value_is_taken_as_given(found):
    assert operating_point(found, Objective(value_usd=0.03), ROUTES, CORRECT)["value_usd"] == 0.03


def test_floors_are_read():
    best = CORRECT.mean(axis=0).max()
    assert accuracy_floor("0.8", ROUTES, CORRECT) == 0.8
    assert accuracy_floor("within 0.01 of best", ROUTES, CORRECT) == pytest.approx(best - 0.01)
    assert accuracy_floor("within 0 of cheap|none", ROUTES, CORRECT) == pytest.approx(CORRECT[:, 0].mean())


@pytest.mark.parametrize("text", ["high", "within 0.01 of gpt", "within x of best", "1.2", "nan", ""])
def test_a_wrong_floor_is_refused(text):
    with pytest.raises(InputError, match="floor"):
        accuracy_floor(text, ROUTES, CORRECT)


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"floor": "banana"}, "floor: not a floor"),
        ({"max_usd": -1.0}, "max-usd: not an amount"),
        ({"value_usd": float("nan")}, "value: not an amount"),
        ({"floor": "0.8", "confidence": 1.0}, "confidence: not a confidence"),
    ],
)
def test_an_objective_that_no_training_could_reach_is_refused_before_one(asked, named):
    with pytest.raises(InputError, match=named):
        check_objective(Objective(**asked), ROUTES, CORRECT)


def test_cells_without_labels_count_with_their_estimate():
    missing = CORRECT.copy()
    missing[::2, 0] = np.nan
    assert np.isfinite(sweep(P, USD, missing, np.full_like(USD, np.nan)).accuracy).all()


def test_one_route_has_a_frontier_of_one_point():
    found = sweep(P[:, :1], USD[:, :1], CORRECT[:, :1], USD[:, :1])
    assert len(set(found.usd)) == 1 and len(found.points(5)) == 5
