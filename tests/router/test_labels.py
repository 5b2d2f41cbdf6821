import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import InputError
from router.labels import build_labels, read_labels
from router.routes import Route


def rows(**changes):
    table = {
        "query_id": ["a", "a", "b", "c"],
        "task": ["t", "t", "t", "u"],
        "prompt": ["one", "one", "two", "three"],
        "model": ["m", "n", "m", "n"],
        "effort": ["none", "low", "none", "low"],
        "correct": [1.0, 0.0, 0.5, 1.0],
    }
    return pd.DataFrame(table | changes)


def test_rows_become_a_matrix_with_missing_cells():
    data = build_labels(rows())
    assert data.query_ids == ("a", "b", "c") and data.routes == (Route("m", "none"), Route("n", "low"))
    assert np.array_equal(data.correct, [[1, 0], [0.5, np.nan], [np.nan, 1]], equal_nan=True)
    assert data.tasks == ("t", "t", "u") and np.isnan(data.cost_usd).all()


def test_messages_are_read_like_prompts(tmp_path):
    table = rows(messages=['[{"role":"system","content":"Be"},{"role":"user","content":"hi"}]'] * 4)
    table.drop(columns="prompt").to_json(tmp_path / "l.jsonl", orient="records", lines=True)
    data = read_labels(tmp_path / "l.jsonl")
    assert data.texts == ("hi", "hi", "hi") and list(data.context_chars) == [4, 4, 4]


def test_repeated_cells_are_averaged_and_said():
    table = pd.concat([rows(), rows().iloc[[1]].assign(correct=1.0)])
    data = build_labels(table)
    assert data.correct[0, 1] == 0.5
    assert any("conflicting" in note for note in data.notes)


def test_equal_words_share_a_fold():
    count = 40
    table = pd.DataFrame(
        {
            "query_id": [str(i) for i in range(count)],
            "prompt": [f"Text  {i // 2}" if i % 2 else f"text {i // 2}" for i in range(count)],
            "model": "m",
            "effort": "none",
            "correct": 1.0,
        }
    )
    data = build_labels(table)
    folds = data.folds(5)
    assert np.array_equal(folds[::2], folds[1::2]) and any("repeat" in note for note in data.notes)


@given(st.integers(1, 60), st.integers(1, 8), st.integers(0, 5))
def test_folds_cover_all_are_even_and_repeat(n, k, seed):
    table = pd.DataFrame({"query_id": range(n), "prompt": [f"p{i}" for i in range(n)], "model": "m", "correct": 1})
    data = build_labels(table)
    folds = data.folds(k, seed)
    assert np.array_equal(folds, data.folds(k, seed))
    sizes = np.bincount(folds, minlength=min(k, n))
    assert len(sizes) == min(k, n) and sizes.max() - sizes.min() <= 1


def test_splits_by_task_keep_tasks_whole():
    data = build_labels(rows(), split_by="task")
    folds = data.folds(2)
    assert folds[0] == folds[1] != folds[2]


def test_splits_by_time_go_forward():
    table = rows(at=["2026-01-03", "2026-01-03", "2026-01-01", "2026-01-02"])
    folds = build_labels(table, split_by="time").folds(3)
    assert list(folds) == [2, 0, 1]


@pytest.mark.parametrize("by", ["task", "time"])
def test_a_split_that_the_labels_cannot_give_is_refused(by):
    with pytest.raises(InputError, match="split-by"):
        build_labels(rows().drop(columns="task"), split_by=by)


def test_the_digest_follows_the_labels():
    one, other = build_labels(rows()), build_labels(rows(correct=[1.0, 0.0, 0.5, 0.0]))
    assert one.digest() == build_labels(rows()).digest() != other.digest()


@pytest.mark.parametrize("correct", [[1.0] * 4, [0.0] * 4])
def test_all_right_and_all_wrong_are_label_sets(correct):
    assert build_labels(rows(correct=correct)).n == 3
