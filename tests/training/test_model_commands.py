from pathlib import Path

import pandas as pd
import pytest

from router.errors import InputError
from training.__main__ import main
from training.model_commands import _joined


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "old.parquet"
    row = {
        "query_id": "a",
        "prompt": "one",
        "task": "t",
        "split": "train",
        "model": "m",
        "effort": "none",
        "correct": 1,
    }
    pd.DataFrame([row]).to_parquet(path)
    return path


def test_new_rows_take_what_they_lack_from_their_query(labels: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.parquet"
    pd.DataFrame([{"query_id": "a", "model": "n", "effort": "none", "correct": 0}]).to_parquet(new)
    row = _joined(labels, new).iloc[1]
    assert (row["prompt"], row["task"], row["split"], row["model"]) == ("one", "t", "train", "n")


def test_new_rows_without_a_query_are_refused(labels: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.parquet"
    pd.DataFrame([{"model": "n", "correct": 0}]).to_parquet(new)
    with pytest.raises(InputError, match="query_id"):
        _joined(labels, new)


def test_adding_nothing_is_refused(labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["add-model", "--labels", str(labels), "--out", str(tmp_path / "p")]) == 2
    assert "--route model|effort" in capsys.readouterr().err
