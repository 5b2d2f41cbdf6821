import json

import pandas as pd
import pytest

from eval.__main__ import main


@pytest.fixture
def stream(tmp_path, monkeypatch):
    monkeypatch.setenv("TIERWISE_ENCODER_BACKEND", "hashing")
    monkeypatch.setenv("TIERWISE_MODELS_DIR", str(tmp_path / "models"))
    asked = ["how do I reset my password", "where is my invoice", "how do I close my account"]
    rows = [(asked[i % 3], f"answer {i % 3}") for i in range(60)]
    pd.DataFrame(rows, columns=["prompt", "answer_key"]).to_parquet(tmp_path / "s.parquet")
    return tmp_path


def test_a_replay_writes_decisions_summary_and_plot(stream, capsys):
    assert main(["cache", "--stream", str(stream / "s.parquet"), "--out", str(stream / "d.parquet")]) == 0
    assert len(pd.read_parquet(stream / "d.parquet")) == 60
    found = json.loads((stream / "d.json").read_text())
    assert found["requests"] == 60 and (stream / "d.png").is_file()
    assert "promise kept" in capsys.readouterr().out


@pytest.mark.parametrize("share", ["0", "1", "-0.1", "nan"])
def test_a_budget_that_is_none_is_refused(stream, share, capsys):
    arguments = ["--stream", str(stream / "s.parquet"), "--out", str(stream / "d.parquet"), f"--max-wrong={share}"]
    assert main(["cache", *arguments]) == 2
    assert "max-wrong" in capsys.readouterr().err and not (stream / "d.parquet").exists()
