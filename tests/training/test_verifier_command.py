"""The command that trains the verifier."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from router.cache.verifier import Verifier
from router.errors import InputError
from training import verifier as module
from training.__main__ import main
from training.verifier import PairSet
from training.verifier_command import pair_set


def test_a_file_may_carry_a_weight() -> None:
    assert pair_set("a/b.parquet") == PairSet(Path("a/b.parquet"))
    assert pair_set("a/b.parquet:10") == PairSet(Path("a/b.parquet"), 10.0)


@pytest.mark.parametrize("given", ["a.parquet:x", "a.parquet:0", "a.parquet:-1", "a.parquet:nan", "a.parquet:"])
def test_a_wrong_weight_is_refused(given: str) -> None:
    with pytest.raises(InputError, match="weight"):
        pair_set(given)


def test_it_trains_says_what_it_measured_and_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "_EDITS", 40)
    monkeypatch.setattr(module, "_ROUNDS", 10)
    monkeypatch.setattr(module, "_TRAFFIC", {"helpdesk": 80})
    monkeypatch.setenv("TIERWISE_ENCODER_BACKEND", "hashing")
    monkeypatch.setenv("TIERWISE_MODELS_DIR", str(tmp_path / "models"))
    rng = np.random.default_rng(0)
    same = rng.random(120) < 0.5
    rows = {
        "cached": [f"how do I change my password {i}" for i in range(120)],
        "incoming": [f"change my {'password' if one else 'invoice'} {i} please" for i, one in enumerate(same)],
        "same": same.astype(int),
        "split": ["test" if i % 3 == 0 else "calibrate" for i in range(120)],
    }
    pd.DataFrame(rows).to_parquet(tmp_path / "pairs.parquet")
    assert main(["verifier", "--pairs", f"{tmp_path / 'pairs.parquet'}:2", "--out", str(tmp_path / "v")]) == 0
    assert Verifier.load(tmp_path / "v").manifest["trained"]["pairs"][0]["weight"] == 2.0
    said = capsys.readouterr().out
    assert "AUC" in said and "n = 40" in said and "Next: python -m eval cache" in said


def test_a_missing_file_ends_with_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERWISE_ENCODER_BACKEND", "hashing")
    assert main(["verifier", "--pairs", str(tmp_path / "none.parquet"), "--out", str(tmp_path / "v")]) == 2
