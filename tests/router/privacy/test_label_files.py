"""Harvested labels of who is forgotten leave; others stay as they were."""

import hashlib
from pathlib import Path

import pandas as pd
import pytest

from router.errors import InputError
from router.privacy.erasure import Forgotten, Whom
from router.privacy.label_files import forget_labels

ROWS = [("acme", "asked by bob"), ("acme", "asked by carol"), ("other", "asked by bob")]


@pytest.fixture(params=["labels.parquet", "labels.jsonl", "labels.csv"])
def labels(request, tmp_path: Path) -> Path:
    table = pd.DataFrame(ROWS, columns=["tenant", "prompt"]).assign(query_id=["1", "2", "3"], correct=1.0)
    path = tmp_path / request.param
    {".parquet": table.to_parquet, ".csv": table.to_csv}.get(path.suffix, lambda p, index: None)(path, index=False)
    if path.suffix == ".jsonl":
        table.to_json(path, orient="records", lines=True)
    return path


def left(path: Path) -> list[str]:
    read = {".parquet": pd.read_parquet, ".csv": pd.read_csv, ".jsonl": lambda p: pd.read_json(p, lines=True)}
    return [str(one) for one in read[path.suffix](path)["query_id"]]


def test_a_users_prompts_leave_by_their_hash(labels: Path) -> None:
    asked = Forgotten(text_hashes={hashlib.sha256(b"asked by bob").hexdigest()})
    assert forget_labels(labels, Whom("acme", "bob"), asked) == 1
    assert left(labels) == ["2", "3"]


def test_a_tenants_rows_leave(labels: Path) -> None:
    assert forget_labels(labels, Whom("acme"), Forgotten()) == 2
    assert left(labels) == ["3"]
    assert forget_labels(labels, Whom("acme"), Forgotten()) == 0


def test_a_file_that_does_not_say_whose_its_rows_are_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"prompt": ["x"]}).to_csv(tmp_path / "l.csv", index=False)
    with pytest.raises(InputError, match="tenant"):
        forget_labels(tmp_path / "l.csv", Whom("acme"), Forgotten())
