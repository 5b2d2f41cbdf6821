import math

import numpy as np
import pytest

from router.errors import InputError
from router.operating_points import Sweep, read_value, write_value


def sweep(usd: list[float], accuracy: list[float]) -> Sweep:
    values = np.r_[0.0, np.geomspace(0.001, 1, len(usd) - 2), math.inf]
    return Sweep(values, np.array(usd), np.array(accuracy))


def test_points_run_from_the_cheapest_to_the_best():
    points = sweep([1, 2, 3, 4, 5], [0.1, 0.2, 0.3, 0.4, 0.5]).points(4)
    assert points[0] == 0 and math.isinf(points[-1]) and (np.diff(points[:-1]) > 0).all()


def test_a_jump_of_the_sweep_does_not_cost_points():
    found = sweep([1] * 20 + [50] * 21, [0.2] * 20 + [0.8] * 21)
    assert len(np.unique(found.points(15))) == 15


def test_more_points_than_a_sweep_has_repeat():
    assert len(sweep([1, 2, 3, 4], [0.1, 0.2, 0.3, 0.4]).points(9)) == 9


def test_fewer_than_two_points_are_refused():
    with pytest.raises(InputError, match="points"):
        sweep([1, 2, 3], [0.1, 0.2, 0.3]).points(1)


def test_values_survive_a_file():
    assert read_value(write_value(math.inf)) == math.inf and read_value(write_value(0.25)) == 0.25
