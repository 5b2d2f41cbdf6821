"""Training makes a verifier that loads, measures itself on rows it was not shown, and repeats to the byte."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from router.cache.verifier import Verifier
from router.encoders import HashingEncoder
from router.errors import InputError
from training import pair_vectors
from training import verifier as module
from training.verifier import PairSet, fit_verifier

THINGS = ("password", "report", "account", "language", "invoice", "calendar", "backup", "profile")


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    rng, rows = np.random.default_rng(0), []
    for i in range(300):
        a, b = (THINGS[int(k)] for k in rng.choice(8, 2, replace=False))
        same = bool(rng.random() < 0.5)
        rows.append((f"how do I change my {a} {i}", f"change my {a if same else b} {i} please", int(same)))
    table = pd.DataFrame(rows, columns=["cached", "incoming", "same"])
    table["split"] = np.where(np.arange(300) % 3 == 0, "test", "calibrate")
    table.to_parquet(tmp_path / "pairs.parquet")
    return tmp_path / "pairs.parquet"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_EDITS", 60)
    monkeypatch.setattr(module, "_ROUNDS", 30)
    monkeypatch.setattr(module, "_TRAFFIC", {"helpdesk": 120})
    monkeypatch.setattr(pair_vectors, "_FOLDS", 2)


def test_it_learns_loads_and_repeats(pairs: Path, tmp_path: Path) -> None:
    manifest = fit_verifier([PairSet(pairs)], HashingEncoder(), tmp_path / "one")
    measured = manifest["trained"]["measured"]
    assert measured["test"][0]["n"] == 100
    assert measured["test"][0]["auc"] > 0.9 and measured["cross_validated"][0]["auc"] > 0.9
    assert Verifier.load(tmp_path / "one").manifest == manifest
    assert fit_verifier([PairSet(pairs)], HashingEncoder(), tmp_path / "two")["files"] == manifest["files"]


def test_a_table_without_rows_to_train_on_is_refused(pairs: Path, tmp_path: Path) -> None:
    table = pd.read_parquet(pairs)
    table.assign(split="test").to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="calibrate"):
        fit_verifier([PairSet(tmp_path / "a.parquet")], HashingEncoder(), tmp_path / "out")
    table.drop(columns="same").to_parquet(tmp_path / "b.parquet")
    with pytest.raises(InputError, match="no column same"):
        fit_verifier([PairSet(tmp_path / "b.parquet")], HashingEncoder(), tmp_path / "out")
