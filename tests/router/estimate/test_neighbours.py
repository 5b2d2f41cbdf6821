"""The nearest labelled requests and what their outcomes say."""

import numpy as np

from router.estimate.neighbours import Neighbours, summarise


def test_the_nearest_decide_most() -> None:
    similarity = np.r_[np.full(8, 0.95), np.full(60, 0.1)].astype(np.float32)
    residuals = np.r_[np.full((8, 1), 0.5), np.full((60, 1), -0.5)]
    look = summarise(similarity, residuals)
    assert 0.3 < look.wide[0] < 0.5 and look.near[0] > 0.3


def test_few_neighbours_are_shrunk_to_the_base_rate() -> None:
    look = summarise(np.array([0.9], dtype=np.float32), np.array([[0.6]]))
    assert 0 < look.near[0] < 0.3


def test_excluded_rows_are_not_looked_at() -> None:
    look = summarise(np.array([-np.inf, 0.2], dtype=np.float32), np.array([[0.9], [-0.3]]))
    assert look.wide[0] < 0 and abs(look.similarity - 0.2) < 1e-6
    assert summarise(np.array([-np.inf], dtype=np.float32), np.array([[0.9]])).wide[0] == 0


def test_an_empty_index_says_nothing() -> None:
    look = Neighbours(np.zeros((0, 4), dtype=np.float32), np.zeros((0, 3))).look(np.ones(4))
    assert not look.near.any() and look.similarity == 0


def test_nearest_come_in_order() -> None:
    rows, similarity = Neighbours(np.eye(4, dtype=np.float32), np.zeros((4, 1))).nearest(
        np.array([0.1, 0.9, 0.2, 0]), 2
    )
    assert list(rows) == [1, 2] and similarity[0] > similarity[1]
