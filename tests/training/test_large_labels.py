import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from router.errors import InputError, LabelSetError
from router.labels import read_labels
from training.large_labels import read_bounded


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr("training.large_labels.BATCH", 64)


def table(queries=200, routes=3):
    rows = [
        {
            "query_id": f"q{i}",
            "prompt": f"What is {i} + {i}?",
            "model": f"m{j}",
            "effort": "none",
            "correct": (i + j) % 2,
        }
        for i in range(queries)
        for j in range(routes)
    ]
    return pd.DataFrame(rows)


def written(rows, path):
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), path, row_group_size=50)
    return path


def test_what_fits_is_read_whole(tmp_path):
    path = written(table(), tmp_path / "l.parquet")
    assert read_bounded(path, most=600).digest() == read_labels(path).digest()


def test_what_does_not_fit_keeps_whole_queries_and_says_so(tmp_path):
    kept = read_bounded(written(table(), tmp_path / "l.parquet"), most=100)
    assert 90 <= 3 * kept.n <= 100 and not np.isnan(kept.correct).any()
    assert "600 labels are more than 100" in kept.notes[0] and f"{kept.n:,} of" in kept.notes[0]


def test_the_order_of_rows_decides_nothing_and_the_seed_does(tmp_path):
    path = written(table(), tmp_path / "l.parquet")
    shuffled = written(table().sample(frac=1.0, random_state=1), tmp_path / "s.parquet")
    first = set(read_bounded(path, most=150).query_ids)
    assert first == set(read_bounded(shuffled, most=150).query_ids)
    assert first != set(read_bounded(path, most=150, seed=1).query_ids)


def test_every_query_is_as_likely_to_stay(tmp_path):
    """80 seeds at a quarter kept: 20 a query, standard deviation 3.9."""
    path = written(table(queries=40, routes=1), tmp_path / "l.parquet")
    times = dict.fromkeys(table(queries=40, routes=1)["query_id"], 0)
    for seed in range(80):
        for query in read_bounded(path, most=10, seed=seed).query_ids:
            times[query] += 1
    assert sum(times.values()) == 800 and min(times.values()) > 5 and max(times.values()) < 36


def test_a_bad_row_is_refused_with_its_number_even_if_it_would_not_stay(tmp_path):
    rows = table().astype({"correct": float})
    rows.loc[437, "correct"] = 7.0
    with pytest.raises(LabelSetError, match=r"row 438, column correct"):
        read_bounded(written(rows, tmp_path / "l.parquet"), most=60)


def test_a_query_with_more_labels_than_asked_for_stays_alone(tmp_path):
    assert read_bounded(written(table(queries=20, routes=9), tmp_path / "l.parquet"), most=4).n == 1


def test_a_number_below_one_is_refused(tmp_path):
    with pytest.raises(InputError, match="most-labels"):
        read_bounded(written(table(queries=2), tmp_path / "l.parquet"), most=0)
