"""The regret curve hides what it says it hides, and ends where all labels are known."""

import json

import pytest

from training.__main__ import main


@pytest.fixture
def labels(tmp_path, monkeypatch):
    monkeypatch.setenv("TIERWISE_ENCODER_BACKEND", "hashing")
    monkeypatch.setenv("TIERWISE_MODELS_DIR", str(tmp_path / "models"))
    assert main(["simulate", "--queries", "60", "--seed", "3", "--out", str(tmp_path / "l.parquet")]) == 0
    return tmp_path / "l.parquet"


def regret(labels, route, *counts):
    out = labels.with_name("regret.json")
    done = main(["regret", "--labels", str(labels), "--route", route, "--counts", *counts, "--out", str(out)])
    return done, json.loads(out.read_text()) if out.exists() else None


def test_with_all_labels_nothing_is_lost_and_with_none_the_price_speaks(labels) -> None:
    import pandas as pd

    table = pd.read_parquet(labels)
    route = f"{table['model'][0]}|{table['effort'][0]}"
    done, told = regret(labels, route, "0", "1000")
    assert done == 0 and told["route"] == route
    none, every = told["curve"]
    assert none["labels"] == 0 and every["labels"] == (table.drop_duplicates("query_id")["split"] == "train").sum()
    assert every["regret"] == every["low"] == every["high"] == 0.0
    assert 0 < none["believed"] < 1 and none["low"] <= none["regret"] <= none["high"]


@pytest.mark.parametrize("route, counts", [("nobody|none", ["0"]), ("gpt-4o|none", ["-1"])])
def test_what_cannot_be_hidden_is_refused_with_2(labels, route, counts, capsys) -> None:
    assert regret(labels, route, *counts) == (2, None)
    assert "route" in (told := capsys.readouterr().err) or "counts" in told
