import pandas as pd
import pytest

from router.errors import InputError
from training.split import split_labels


@pytest.fixture
def labels(tmp_path):
    rows = [(q, m) for q in range(100) for m in ("a", "b")]
    table = pd.DataFrame(
        {
            "query_id": [str(q) for q, _ in rows],
            "prompt": [f"prompt {q}" for q, _ in rows],
            "task": [f"t{q % 10}" for q, _ in rows],
            "model": [m for _, m in rows],
            "correct": 1.0,
            "at": [f"2026-01-{1 + q % 28:02d}" for q, _ in rows],
        }
    )
    table.to_parquet(tmp_path / "l.parquet")
    return tmp_path / "l.parquet"


@pytest.mark.parametrize(("by", "unit"), [("query", "query_id"), ("task", "task"), ("time", "at")])
def test_no_unit_stands_on_both_sides(labels, by, unit):
    table = split_labels(labels, by, 0.3, 0)
    assert (table.groupby(unit)["split"].nunique() == 1).all()
    assert 0.2 < (table["split"] == "test").mean() < 0.4


def test_by_time_the_latest_are_held_out(labels):
    table = split_labels(labels, "time", 0.3, 0)
    assert table.loc[table["split"] == "train", "at"].max() < table.loc[table["split"] == "test", "at"].min()


def test_the_seed_decides(labels):
    one, same, other = (split_labels(labels, "query", 0.3, seed)["split"] for seed in (0, 0, 1))
    assert one.equals(same) and not one.equals(other)


@pytest.mark.parametrize("share", [0, 1, -1, 2])
def test_a_wrong_share_is_refused(labels, share):
    with pytest.raises(InputError, match="test-share"):
        split_labels(labels, "query", share, 0)


def test_one_query_cannot_be_split(tmp_path):
    pd.DataFrame({"query_id": ["a"], "prompt": ["p"], "model": ["m"], "correct": [1]}).to_csv(tmp_path / "l.csv")
    with pytest.raises(InputError, match="too few"):
        split_labels(tmp_path / "l.csv", "query", 0.3, 0)
