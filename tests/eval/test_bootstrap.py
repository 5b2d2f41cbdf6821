import numpy as np

from eval.bootstrap import Estimate, draw_weights, estimate, mean_estimates, ratio_estimates


def test_a_constant_is_recovered_exactly() -> None:
    found = mean_estimates(np.full((50, 1), 0.25), 100, 0)[0]
    assert (found.value, found.low, found.high) == (0.25, 0.25, 0.25)


def test_the_interval_covers_the_truth_about_95_times_in_100() -> None:
    rng = np.random.default_rng(3)
    worlds = (rng.random((200, 150)) < 0.7).astype(float)
    inside = sum(one.low <= 0.7 <= one.high for world in worlds for one in mean_estimates(world[:, None], 150, 1))
    # 200 worlds: 95 % has a standard error of 1.5 points; the percentile bootstrap is a little narrow
    assert 0.90 <= inside / 200 <= 0.985


def test_more_data_narrows_the_interval() -> None:
    values = np.random.default_rng(0).random((4000, 1))
    few, many = (mean_estimates(values[:n], 300, 0)[0] for n in (100, 4000))
    assert many.high - many.low < 0.3 * (few.high - few.low)


def test_pairing_narrows_a_difference() -> None:
    rng = np.random.default_rng(0)
    easy = rng.random((400, 1))
    better = easy + 0.01 + 0.001 * rng.normal(size=(400, 1))
    assert mean_estimates(better - easy, 300, 0)[0].above_zero


def test_the_seed_fixes_the_draws_and_each_world_has_n_queries() -> None:
    first, again = (np.concatenate(list(draw_weights(40, 150, 5))) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (150, 40) and (first.sum(axis=1) == 40).all()


def test_ratio_of_sums_not_mean_of_ratios() -> None:
    found = ratio_estimates(np.array([[1.0], [3.0]]), np.array([[1.0], [1.0]]), 50, 0)[0]
    assert found.value == 2.0


def test_division_by_nothing_has_no_value() -> None:
    assert ratio_estimates(np.ones((5, 1)), np.zeros((5, 1)), 20, 0)[0] == Estimate(None, defined=0.0)


def test_worlds_without_the_figure_are_counted() -> None:
    found = estimate(1.0, np.array([1.0, np.nan, 1.0, np.nan]))
    assert found.defined == 0.5 and found.low == 1.0
