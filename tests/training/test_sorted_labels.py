"""Every query comes whole, whatever the order of rows, and no bad row slips through."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from router.errors import InputError, LabelSetError
from training.sorted_labels import SortedLabels, sort_labels


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.large_labels.BATCH", 64)
    monkeypatch.setattr("training.sorted_labels.PART_ROWS", 100)


def table(queries: int = 120, routes: int = 3) -> pd.DataFrame:
    rows = [
        {
            "query_id": f"q{i}",
            "prompt": f"What is {i // 2} + {i // 2}?" + " " * (i % 2),  # pairs of the same words
            "model": f"m{j}",
            "effort": "none",
            "correct": float((i + j) % 2),
            "split": "train" if i % 3 else "test",
        }
        for i in range(queries)
        for j in range(routes)
    ]
    return pd.DataFrame(rows)


def written(rows: pd.DataFrame, path: Path) -> Path:
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), path, row_group_size=50)
    return path


def told(large: SortedLabels) -> tuple[str, tuple[str, ...]]:
    return large.kept.digest(), tuple(part.digest() for part in large.parts())


def test_parts_hold_the_train_part_whole_and_kept_queries_keep_their_twins(tmp_path: Path) -> None:
    path, out = written(table(), tmp_path / "l.parquet"), tmp_path / "models" / "p"
    with sort_labels(path, 90, 0, "query", out) as large:
        parts = list(large.parts())
        assert len(large.files) == 4 and len(list(out.parent.iterdir())) == 1
        ids = [query for part in parts for query in part.query_ids]
        assert sorted(ids) == sorted(f"q{i}" for i in range(120) if i % 3)
        assert not any(np.isnan(part.correct).any() for part in parts)
        kept = {
            query
            for part in parts
            for query, code in zip(part.query_ids, large.codes(part.texts))
            if code < large.limit
        }
        assert kept == set(large.trained(large.kept).query_ids) and 10 < 3 * large.kept.n <= 90
        assert all((f"q{i}" in large.kept.query_ids) == (f"q{i + 1}" in large.kept.query_ids) for i in range(0, 120, 2))
    assert not list(out.parent.iterdir())


def test_the_order_of_rows_decides_nothing_and_the_seed_does(tmp_path: Path) -> None:
    plain = written(table(), tmp_path / "l.parquet")
    shuffled = written(table().sample(frac=1.0, random_state=1), tmp_path / "s.parquet")
    with (
        sort_labels(plain, 90, 0, "query", tmp_path / "p") as one,
        sort_labels(shuffled, 90, 0, "query", tmp_path / "p") as two,
    ):
        assert told(one) == told(two)
    with sort_labels(plain, 90, 1, "query", tmp_path / "p") as other:
        assert other.kept.query_ids != one.kept.query_ids


@pytest.mark.parametrize(
    ("column", "value", "problem"), [("correct", 7.0, "not usable"), ("prompt", "Else?", "differs")]
)
def test_a_bad_row_is_refused_with_its_number_in_the_file(
    tmp_path: Path, column: str, value: object, problem: str
) -> None:
    rows = table()
    at = rows.index[rows["query_id"] == "q70"][2]
    rows.loc[at, column] = value
    # the rows of a query lie far apart, so that only its part can see that they differ
    rows = pd.concat([rows.drop(at), rows.loc[[at]]]) if column == "prompt" else rows
    path = written(rows, tmp_path / "l.parquet")
    number = len(rows) if column == "prompt" else at + 1
    refused = pytest.raises(LabelSetError, match=rf"row {number}, column {column}: {problem}")
    with refused, sort_labels(path, 90, 0, "query", tmp_path / "p") as large:
        list(large.parts())


def test_a_route_that_only_the_rest_was_run_on_is_a_route(tmp_path: Path) -> None:
    rows = table()
    with sort_labels(written(rows, tmp_path / "l.parquet"), 90, 0, "query", tmp_path / "p") as large:
        other = next(query for query in rows["query_id"] if query not in large.kept.query_ids)
    rows.loc[rows.index[rows["query_id"] == other][0], "model"] = "rare"
    with sort_labels(written(rows, tmp_path / "r.parquet"), 90, 0, "query", tmp_path / "p") as large:
        column = [route.model for route in large.kept.routes].index("rare")
        assert np.isnan(large.kept.correct[:, column]).all()


def test_nothing_to_train_on_among_the_kept_is_said(tmp_path: Path) -> None:
    rows = table()
    rows["split"] = np.where(rows["query_id"] == "q119", "train", "test")
    with (
        pytest.raises(InputError, match="most-labels"),
        sort_labels(written(rows, tmp_path / "l.parquet"), 6, 0, "query", tmp_path / "p"),
    ):
        pass


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("training.sorted_labels._deal", full)
    with (
        pytest.raises(InputError, match="no room"),
        sort_labels(written(table(), tmp_path / "l.parquet"), 90, 0, "query", tmp_path / "p"),
    ):
        pass
