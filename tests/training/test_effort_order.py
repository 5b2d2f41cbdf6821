"""Order between efforts is kept unless held-out labels speak against it."""

import numpy as np

from router.routes import Route
from training.effort_order import choose_order

ROUTES = tuple(Route("m", effort) for effort in ("none", "low", "high"))


def outcomes(p: np.ndarray, n: int = 3000, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).random((n, len(p))) < p).astype(float)


def test_noise_in_the_estimates_is_smoothed_away() -> None:
    noisy = np.clip(0.6 + 0.1 * np.random.default_rng(1).normal(size=(3000, 3)), 0.05, 0.95)
    ladders, told = choose_order(noisy, outcomes(np.array([0.6, 0.6, 0.6])), ROUTES)
    assert ladders == ((0, 1, 2),) and told is not None and told["log_loss_change"] < 0


def test_efforts_that_truly_hurt_are_not_forced_into_order() -> None:
    true = np.array([0.9, 0.6, 0.3])
    ladders, told = choose_order(np.tile(true, (3000, 1)), outcomes(true), ROUTES)
    assert ladders == () and told is not None and not told["kept"]


def test_a_cell_counts_as_often_as_it_says() -> None:
    true = np.array([0.9, 0.6, 0.3])
    weight = np.tile([0.0, 1.0, 0.0], (3000, 1))  # nothing of the efforts that hurt
    ladders, _ = choose_order(np.tile([0.7, 0.6, 0.5], (3000, 1)), outcomes(true), ROUTES, weight)
    assert ladders == ((0, 1, 2),)


def test_routes_without_ranks_have_no_order() -> None:
    assert choose_order(np.full((5, 1), 0.5), np.ones((5, 1)), (Route("m", "cot"),)) == ((), None)
