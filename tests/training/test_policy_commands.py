"""Promotion from the command line moves pointers, keeps why, and moves the registry's aliases along."""

from collections.abc import Callable
from pathlib import Path

import pytest

from router.current_policy import CANDIDATE, read_current
from training.__main__ import main


@pytest.fixture
def models(tmp_path: Path, write_policy: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    write_policy("old")
    write_policy("new", seed=1)
    monkeypatch.setenv("TIERWISE_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("TIERWISE_MLRUNS_DIR", str(tmp_path / "mlruns"))
    monkeypatch.setenv("TIERWISE_STORE_URL", f"sqlite:///{tmp_path / 'log.db'}")
    return tmp_path / "models"


def test_promote_list_and_roll_back(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["promote", "old", "--share", "1"]) == 0
    assert main(["promote", "new", "--reason", "cheaper"]) == 0
    assert main(["policies"]) == 0
    said = capsys.readouterr().out
    assert "serves     old (" in said and "candidate  new (" in said and "1% of traffic" in said
    assert "stage new to 1%" in said and ": cheaper" in said
    assert main(["rollback"]) == 0 and (read_current(models, CANDIDATE) or 0).facts["share"] == 0.0  # type: ignore[union-attr]
    assert main(["rollback", "--withdraw"]) == 0 and read_current(models, CANDIDATE) is None


def test_what_cannot_be_promoted_is_an_error(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["promote", "missing"]) == 2
    assert "no policy here" in capsys.readouterr().err


def test_a_sync_without_anything_to_tell_says_so(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policies", "--sync"]) == 0
    assert "Nothing to tell" in capsys.readouterr().out


def test_a_sync_that_fails_is_an_error_with_its_reason(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*given: object) -> None:
        raise RuntimeError("the database is locked\n(Background on this error at …)")

    monkeypatch.setattr("training.tracking.point_aliases", broken)
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns" / "mlflow.db").touch()
    assert main(["promote", "old", "--share", "1"]) == 0  # what serves is right all the same
    assert "warning: the aliases in MLflow were not moved (the database is locked)" in capsys.readouterr().err
    assert main(["policies"]) == 0 and "policies --sync" in capsys.readouterr().out
    monkeypatch.setattr("training.policy_commands.os.nice", lambda by: 0)
    assert main(["policies", "--sync"]) == 2
    assert "the database is locked" in capsys.readouterr().err
    monkeypatch.setattr("training.tracking.point_aliases", lambda *given: ["incumbent: version 1 before, 2 now"])
    assert main(["policies", "--sync"]) == 0 and "2 now" in capsys.readouterr().out
    assert main(["policies"]) == 0 and "--sync" not in capsys.readouterr().out
