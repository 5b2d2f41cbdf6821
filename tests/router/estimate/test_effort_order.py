"""More effort of one model is never believed to do worse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.estimate.effort_order import effort_ladders, in_order
from router.routes import Route

ROUTES = tuple(Route.parse(key) for key in ("a|high", "a|none", "b|default", "a|low", "c|1000", "c|16000"))
LADDERS = effort_ladders(ROUTES)


def test_ladders_are_efforts_of_one_model_by_their_rank() -> None:
    assert LADDERS == ((1, 3, 0), (4, 5))


@given(st.lists(st.floats(0.002, 0.998), min_size=6, max_size=6).map(np.array))
def test_every_ladder_ascends_its_mean_stays_and_the_rest_is_left_alone(p: np.ndarray) -> None:
    found = in_order(p, LADDERS)
    for ladder in LADDERS:
        rungs = found[list(ladder)]
        assert (np.diff(rungs) >= -1e-12).all()
        assert rungs.mean() == pytest.approx(p[list(ladder)].mean())
        assert p[list(ladder)].min() - 1e-12 <= rungs.min() and rungs.max() <= p[list(ladder)].max() + 1e-12
    assert found[2] == p[2]
    assert np.allclose(in_order(found, LADDERS), found)


def test_without_ladders_nothing_is_touched() -> None:
    p = np.array([0.9, 0.1])
    assert in_order(p, effort_ladders((Route("a", "default"), Route("b", "none")))) is p
