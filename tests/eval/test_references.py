from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from eval.references import (
    TrainingLabels,
    fixed_references,
    guess_by_neighbours,
    guess_by_task,
    guess_linear,
    learnt_references,
)
from router.errors import InputError
from router.labels import LabelMatrix, build_labels


@pytest.fixture
def clusters() -> tuple[LabelMatrix, np.ndarray]:
    """Route a is right on task one, route b on task two; vectors tell the tasks apart."""
    rows = []
    for i in range(80):
        task = "one" if i % 2 else "two"
        rows += [(f"q{i}", task, f"text {i}", m, float((task == "one") == (m == "a")), 0.01) for m in ("a", "b")]
    columns = ["query_id", "task", "prompt", "model", "correct", "cost_usd"]
    data = build_labels(pd.DataFrame(rows, columns=columns))
    side = np.array([1.0 if task == "one" else -1.0 for task in data.tasks])
    noise = np.random.default_rng(0).normal(0, 0.1, (data.n, 3))
    return data, np.column_stack([side, noise]).astype(np.float32)


@pytest.mark.parametrize("guess", [guess_by_neighbours, guess_linear])
def test_text_references_learn_which_route_knows_what(clusters: tuple, guess: Callable) -> None:
    data, vectors = clusters
    train = TrainingLabels(data, data.cost_usd, vectors).aligned(data, data.cost_usd)
    p = guess(train, vectors).p
    one = np.array(data.tasks) == "one"
    assert (p[one, 0] > p[one, 1] + 0.3).all() and (p[~one, 1] > p[~one, 0] + 0.3).all()


def test_task_table_shrinks_and_knows_nothing_of_new_tasks(clusters: tuple) -> None:
    data, _ = clusters
    train = TrainingLabels(data, data.cost_usd).aligned(data, data.cost_usd)
    p = guess_by_task(train, ("one", "never seen", None)).p
    np.testing.assert_allclose(p, [[45 / 50, 5 / 50], [0.5, 0.5], [0.5, 0.5]])


def test_missing_cells_are_left_out_of_means(clusters: tuple) -> None:
    data, vectors = clusters
    correct = data.correct.copy()
    correct[::2, 1] = np.nan
    sparse = LabelMatrix(**{**vars(data), "correct": correct})
    train = TrainingLabels(sparse, sparse.cost_usd, vectors).aligned(data, data.cost_usd)
    assert train.n == 40
    correct[:60, 1] = np.nan
    train = TrainingLabels(sparse, sparse.cost_usd, vectors).aligned(data, data.cost_usd)
    assert train.n == 80 and np.isnan(train.costs).sum() == 70
    for sweep in learnt_references(data, data.cost_usd, train, vectors):
        assert np.isfinite(sweep.usd).all() and np.isfinite(sweep.correct).all()


def test_unpriced_training_calls_cost_what_their_route_costs(clusters: tuple) -> None:
    data, _ = clusters
    costs = data.cost_usd.copy()
    costs[:, 0] = np.nan
    costs[5:, 1] = np.nan
    train = TrainingLabels(data, costs).aligned(data, data.cost_usd * [1.0, 7.0])
    np.testing.assert_allclose(train.usd, [0.01, 0.01])


def test_columns_follow_the_held_out_order(clusters: tuple) -> None:
    data, _ = clusters
    fewer = LabelMatrix(
        **{
            **vars(data),
            "routes": data.routes[1:],
            **{k: getattr(data, k)[:, 1:] for k in ("correct", "cost_usd", "input_tokens", "output_tokens")},
        }
    )
    train = TrainingLabels(data, data.cost_usd).aligned(fewer, fewer.cost_usd)
    np.testing.assert_array_equal(train.correct[:, 0], data.correct[:, 1])
    with pytest.raises(InputError, match="without training labels"):
        TrainingLabels(fewer, fewer.cost_usd).aligned(data, data.cost_usd)


def test_strongest_is_chosen_by_training_labels(data: LabelMatrix) -> None:
    flipped = LabelMatrix(**{**vars(data), "correct": 1 - data.correct})
    train = TrainingLabels(flipped, data.cost_usd).aligned(data, data.cost_usd)
    by_training, by_held_out = (fixed_references(data, data.cost_usd, one)[1] for one in (train, None))
    assert by_training.label != by_held_out.label


def test_one_training_query_teaches_no_neighbours(clusters: tuple) -> None:
    data, vectors = clusters
    train = TrainingLabels(data.subset([0]), data.cost_usd[:1], vectors[:1]).aligned(data, data.cost_usd)
    names = [one.name for one in learnt_references(data, data.cost_usd, train, vectors)]
    assert names == ["task_mean"]
