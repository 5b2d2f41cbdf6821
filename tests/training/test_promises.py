import numpy as np
import pytest

from router.errors import InputError
from training.promises import Decisions, ceiling_promise, floor_promise, keep, relative_promise, verify


@pytest.fixture(scope="module")
def decisions() -> Decisions:
    """21 points from .60 right at $1 to .90 right at $2; what a cheap point gets right, a dear one does too."""
    rng = np.random.default_rng(0)
    ease, noise = rng.random((1500, 1)), rng.random((1500, 21))
    right = (ease < np.linspace(0.6, 0.9, 21)).astype(float)
    return Decisions(right, np.linspace(1, 2, 21) + 0.1 * noise)


def test_a_promised_floor_holds_and_costs_something(decisions):
    at, told = keep(floor_promise(0.8, 0.95), decisions, seed=0)
    assert decisions.right[:, at].mean() > 0.8 and told["confidence"] == 0.95
    assert at > int(np.argmax(decisions.right.mean(axis=0) >= 0.8))


def test_a_looser_promise_is_cheaper(decisions):
    loose, strict = (keep(floor_promise(floor, 0.95), decisions, seed=0)[0] for floor in (0.7, 0.85))
    assert loose < strict


def test_a_floor_out_of_reach_is_refused_and_no_number_would_do(decisions):
    with pytest.raises(InputError, match="No number of labels would do"):
        keep(floor_promise(0.95, 0.95), decisions, seed=0)


def test_too_few_labels_are_refused_with_how_many_would_do(decisions):
    few = decisions.drawn(np.arange(60))
    with pytest.raises(InputError, match=r"About [\d,]+ would do"):
        keep(floor_promise(few.right.mean(axis=0).max() - 0.04, 0.95), few, seed=0)


def test_a_floor_relative_to_a_route_needs_fewer_labels(decisions):
    few = decisions.drawn(np.arange(300))
    best = few.right[:, -1]
    within = relative_promise("best|none", best, 0.05, 0.95)
    assert (
        within.passing(few, np.arange(300)).sum()
        > floor_promise(best.mean() - 0.05, 0.95).passing(few, np.arange(300)).sum()
    )


def test_a_ceiling_takes_the_most_accurate_point_below_it(decisions):
    at, _ = keep(ceiling_promise(1.5, 4.0, 0.95), decisions, seed=0)
    assert decisions.usd[:, at].mean() <= 1.5
    assert at > 0


@pytest.mark.parametrize("promise", [floor_promise(0.8, 0.95), ceiling_promise(1.5, 4.0, 0.95)])
def test_promises_are_broken_no_more_often_than_stated(promise, decisions):
    seen = verify(promise, decisions, 0, 200, seed=0)
    # 200 draws: .05 has a standard error of .015
    assert seen["broken_share"] <= 0.05 + 0.03 and seen["refused_share"] < 0.5
