import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.metrics import (
    area,
    best_single,
    cheapest_usd_per_correct,
    closed,
    parity,
    ratio,
    two_routes,
    upper_hulls,
)

shares = st.floats(0, 1, allow_nan=False)
prices = st.floats(1e-6, 10, allow_nan=False)
clouds = st.lists(st.tuples(prices, shares), min_size=1, max_size=30)


def one(points: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    usd, accuracy = np.array(points).T
    return usd[None], accuracy[None]


@settings(max_examples=150, deadline=None)
@given(clouds)
def test_hull_rises_bends_down_and_covers_every_point(points: list[tuple[float, float]]) -> None:
    usd, accuracy = one(points)
    hull = upper_hulls(usd, accuracy)
    x, y = hull.usd[0], hull.accuracy[0]
    assert (np.diff(x) >= 0).all() and (np.diff(y) >= 0).all()
    run, rise = np.diff(x), np.diff(y)
    slopes = rise[run > 0] / run[run > 0]
    assert (np.diff(slopes) <= 1e-6 * np.maximum(slopes[1:], 1)).all()
    assert (hull.at(usd)[0] >= accuracy[0] - 1e-9).all()


@settings(max_examples=50, deadline=None)
@given(clouds, clouds)
def test_worlds_of_a_batch_do_not_touch_each_other(first: list, second: list) -> None:
    size = min(len(first), len(second))
    worlds = [one(points[:size]) for points in (first, second)]
    both = upper_hulls(*(np.concatenate(cells) for cells in zip(*worlds)))
    for b, world in enumerate(worlds):
        alone = upper_hulls(*world)
        grid = np.linspace(0, 10, 50)[None]
        np.testing.assert_array_equal(alone.at(grid)[0], both.at(np.repeat(grid, 2, axis=0))[b])


@pytest.mark.parametrize("log", [False, True])
def test_constant_accuracy_is_its_own_area(log: bool) -> None:
    hull = upper_hulls(np.array([[0.001, 0.01, 0.1]]), np.full((1, 3), 0.7))
    assert area(hull, np.array([0.001]), np.array([0.1]), log)[0] == pytest.approx(0.7, abs=1e-12)


def test_area_counts_nothing_left_of_the_cheapest_point() -> None:
    hull = upper_hulls(np.array([[0.5]]), np.array([[0.8]]))
    assert area(hull, np.array([0.0]), np.array([1.0]))[0] == pytest.approx(0.4, abs=0.002)


def test_area_of_no_width_is_undefined() -> None:
    hull = upper_hulls(np.array([[0.5]]), np.array([[0.8]]))
    assert np.isnan(area(hull, np.array([0.5]), np.array([0.5]))[0])
    assert np.isnan(area(hull, np.array([0.0]), np.array([0.5]), log=True)[0])


def test_parity_mixes_neighbours_and_is_nan_out_of_reach() -> None:
    hull = upper_hulls(np.array([[1.0, 2.0]]), np.array([[0.5, 0.7]]))
    assert parity(hull, np.array([4.0]), np.array([0.6 / 0.99]))[0] == pytest.approx(1.5 / 4)
    assert np.isnan(parity(hull, np.array([4.0]), np.array([0.8]))[0])


def test_an_accuracy_reached_but_for_rounding_is_reached() -> None:
    hull = upper_hulls(np.array([[1.0]]), np.array([[0.7]]))
    assert hull.usd_for(np.array([0.7 + 1e-15]))[0] == 1.0


def test_cheapest_correct_answer_respects_the_floor() -> None:
    usd, accuracy = np.array([[0.1, 1.0, 3.0]]), np.array([[0.2, 0.8, 0.9]])
    assert cheapest_usd_per_correct(usd, accuracy, np.array([0.0]))[0] == pytest.approx(0.5)
    assert cheapest_usd_per_correct(usd, accuracy, np.array([0.8]))[0] == pytest.approx(1.25)
    assert np.isnan(cheapest_usd_per_correct(usd, accuracy, np.array([0.95]))[0])


def test_best_single_is_the_cheapest_of_equals() -> None:
    assert best_single(np.array([[3.0, 1.0, 2.0]]), np.array([[0.8, 0.8, 0.1]]))[0] == 1


def test_closed_runs_from_mix_to_oracle() -> None:
    mix, oracle = np.array([0.6, 0.6, 0.6]), np.array([0.9, 0.9, 0.6])
    share = closed(np.array([0.6, 0.9, 0.6]), mix, oracle)
    assert share[0] == 0 and share[1] == 1 and np.isnan(share[2])


def test_random_mix_of_two_routes_recovers_half_the_gap() -> None:
    share = np.linspace(0, 1, 21)[None]
    found = two_routes(share, 0.5 + 0.4 * share, np.array([0.5]), np.array([0.9]))
    assert found.apgr[0] == pytest.approx(0.5)
    assert (found.cpt50[0], found.cpt80[0]) == (pytest.approx(50), pytest.approx(80))


def test_two_equal_routes_have_no_gap_to_recover() -> None:
    share = np.linspace(0, 1, 5)[None]
    found = two_routes(share, np.full((1, 5), 0.7), np.array([0.7]), np.array([0.7]))
    assert np.isnan([found.apgr[0], found.cpt50[0], found.cpt80[0]]).all()


def test_ratio_by_nothing_is_undefined() -> None:
    assert np.isnan(ratio(np.array([1.0]), np.array([0.0]))[0])
