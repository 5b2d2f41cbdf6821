"""A few rows through trees without the preparation of a whole prediction."""

from concurrent.futures import ThreadPoolExecutor

import lightgbm as lgb
import numpy as np
import pytest

from router.trees import Trees


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 5))
    return rows, (rows[:, 0] + rows[:, 1] * rows[:, 2] > 0).astype(int) + (rows[:, 3] > 1)


def booster(data: tuple[np.ndarray, np.ndarray], **more: object) -> lgb.Booster:
    rows, label = data
    given = {"objective": "binary", "verbose": -1, "num_threads": 1, **more}
    return lgb.train(given, lgb.Dataset(rows, label if "num_class" in more else label > 0), num_boost_round=20)


@pytest.mark.parametrize("more", [{}, {"objective": "multiclass", "num_class": 3}])
def test_scores_are_those_of_the_library(data: tuple[np.ndarray, np.ndarray], more: dict[str, object]) -> None:
    made, rows = booster(data, **more), data[0][:7].copy()
    rows[2, 1] = np.nan
    expected = made.predict(rows, raw_score=True)
    assert np.array_equal(Trees(made).raw_scores(rows), expected)
    assert np.array_equal(Trees(made).raw_scores(np.asfortranarray(rows)), expected)
    assert Trees(made).raw_scores(rows[:0]).shape == (0, *expected.shape[1:])


def test_without_the_c_interface_the_library_s_own_prediction_serves(
    data: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, called = booster(data), []
    expected = Trees(made).raw_scores(data[0][:3])
    slow = Trees(made)
    slow._library = None
    predict = made.predict
    monkeypatch.setattr(made, "predict", lambda *given, **more: called.append(1) or predict(*given, **more))
    assert np.array_equal(slow.raw_scores(data[0][:3]), expected) and called


def test_rows_of_another_width_are_refused(data: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="do not fit trees of 5 features"):
        Trees(booster(data)).raw_scores(np.zeros((1, 4)))


@pytest.mark.parametrize("more", [{}, {"objective": "multiclass", "num_class": 3}])
def test_few_rows_score_as_among_many(data: tuple[np.ndarray, np.ndarray], more: dict[str, object]) -> None:
    trees, rows = Trees(booster(data, **more)), data[0]
    together = trees.raw_scores(rows)
    for count in range(1, 7):
        assert np.array_equal(trees.raw_scores(rows[:count]), together[:count])


def test_threads_do_not_mix_their_rows(data: tuple[np.ndarray, np.ndarray]) -> None:
    trees, rows = Trees(booster(data)), data[0]
    together = trees.raw_scores(rows)

    def agrees(start: int) -> bool:
        return np.array_equal(trees.raw_scores(rows[start : start + 2]), together[start : start + 2])

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(agrees, range(398)))
