import pytest

from training.__main__ import main


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    monkeypatch.setenv("TIERWISE_ENCODER_BACKEND", "hashing")
    monkeypatch.setenv("TIERWISE_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("TIERWISE_MLRUNS_DIR", str(tmp_path / "mlruns"))
    return tmp_path


def test_simulate_split_and_fit_follow_each_other(small, capsys):
    labels = str(small / "l.parquet")
    assert main(["simulate", "--queries", "80", "--out", labels]) == 0
    assert main(["split", "--labels", labels, "--out", str(small / "s.csv"), "--by", "task"]) == 0
    assert (
        main(["fit", "--labels", str(small / "s.csv"), "--out", str(small / "p"), "--simulated", "--no-tracking"]) == 0
    )
    out = capsys.readouterr().out
    assert "(simulated)" in out and "Next: python -m eval frontier" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--labels", "nowhere.parquet"],
        ["--labels", "l.parquet", "--floor", "high"],
        ["--labels", "l.parquet", "--at", "yesterday"],
        ["--labels", "l.parquet", "--routes", "nowhere.toml"],
    ],
)
def test_wrong_input_ends_with_2_and_one_message(small, capsys, monkeypatch, arguments):
    monkeypatch.chdir(small)
    main(["simulate", "--queries", "30", "--out", "l.parquet"])
    assert main(["fit", *arguments, "--out", "p", "--no-tracking"]) == 2
    error = capsys.readouterr().err
    assert "error: " in error and "Traceback" not in error and not (small / "p").exists()
