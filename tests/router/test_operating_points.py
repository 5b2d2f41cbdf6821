import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import floats, integers, lists, tuples

from router.errors import InputError
from router.operating_points import Sweep, read_value, write_value


def sweep(usd: list[float], accuracy: list[float]) -> Sweep:
    values = np.r_[0.0, np.geomspace(0.001, 1, len(usd) - 2), math.inf]
    return Sweep(values, *np.array([usd, accuracy, usd, accuracy]))


def test_points_run_from_the_cheapest_to_the_best():
    points = sweep([1, 2, 3, 4, 5], [0.1, 0.2, 0.3, 0.4, 0.5]).points(4)
    assert points[0] == 0 and math.isinf(points[-1]) and (np.diff(points[:-1]) > 0).all()


def test_a_jump_of_the_sweep_does_not_cost_points():
    found = sweep([1] * 20 + [50] * 21, [0.2] * 20 + [0.8] * 21)
    assert len(np.unique(found.points(15))) == 15


def test_more_points_than_a_sweep_has_repeat():
    assert len(sweep([1, 2, 3, 4], [0.1, 0.2, 0.3, 0.4]).points(9)) == 9


def test_points_keep_the_corner_of_the_expected_frontier_and_not_lucky_ones():
    usd, expected = [1, 2, 4, 8, 16], [0.1, 0.2, 0.7, 0.75, 0.8]
    values = np.array([0.0, 1.0, 2.0, 3.0, math.inf])
    lucky = Sweep(values, *np.array([usd, [0.1, 0.75, 0.7, 0.75, 0.8], usd, expected]))
    assert lucky.points(3)[1] == 2.0


@given(
    steps=lists(tuples(floats(0, 10), floats(0, 1)), min_size=2, max_size=30),
    count=integers(2, 40),
)
def test_points_are_as_many_as_asked_for_and_never_fall(steps: list[tuple[float, float]], count: int):
    usd, accuracy = np.cumsum(np.array(steps), axis=0).T
    points = sweep(usd.tolist(), accuracy.tolist()).points(count)
    assert len(points) == max(count, 2) and (points[1:] >= points[:-1]).all()


def test_fewer_than_two_points_are_refused():
    with pytest.raises(InputError, match="points"):
        sweep([1, 2, 3], [0.1, 0.2, 0.3]).points(1)


def test_values_survive_a_file():
    assert read_value(write_value(math.inf)) == math.inf and read_value(write_value(0.25)) == 0.25


def test_a_sweep_survives_a_file_and_an_older_one_is_read_with_what_it_measured():
    found = sweep([1, 2, 3], [0.1, 0.2, 0.3])
    assert Sweep.from_dict(found.as_dict()).as_dict() == found.as_dict()
    older = {name: column for name, column in found.as_dict().items() if not name.startswith("expected")}
    assert Sweep.from_dict(older).as_dict() == found.as_dict()
