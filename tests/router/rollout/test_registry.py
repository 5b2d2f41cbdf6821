"""Whether the registry is behind the pointers can be told from two files, by any process."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from router.rollout.promotion import promote
from router.rollout.registry import NOTE, Aliases, lags, note_problem, note_told, pointed, read_note, standing
from router.settings import Settings

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns" / "mlflow.db").touch()
    return Settings(models_dir=tmp_path / "models", mlruns_dir=tmp_path / "mlruns")


def test_it_lags_from_a_change_until_it_was_told(settings: Settings, write_policy: Callable[..., Path]) -> None:
    write_policy("old"), write_policy("new", seed=1)
    assert not lags(settings) and pointed(settings.models_dir) is None  # nothing was promoted
    promote(settings.models_dir, "old", 1.0)
    assert lags(settings)
    wanted = pointed(settings.models_dir)
    assert wanted is not None and wanted.candidate is None
    note_told(settings.models_dir, wanted, AT)
    assert not lags(settings)
    change = promote(settings.models_dir, "new")
    assert lags(settings) and pointed(settings.models_dir) == Aliases(wanted.incumbent, change.version)


def test_a_problem_leaves_what_was_told_before(settings: Settings, write_policy: Callable[..., Path]) -> None:
    write_policy("old")
    promote(settings.models_dir, "old", 1.0)
    note_problem(settings.models_dir, "the database is locked" + "!" * 1000, AT)
    told = standing(settings)
    assert told is not None and told["aliases"] is None and told["lags"]
    assert told["problem"].startswith("the database is locked") and len(told["problem"]) == 300
    wanted = pointed(settings.models_dir)
    assert wanted is not None
    note_told(settings.models_dir, wanted, AT)
    note_problem(settings.models_dir, "again", AT)
    note = read_note(settings.models_dir)
    assert note is not None and note.aliases == wanted and not lags(settings)
    assert (standing(settings) or {})["problem"] is None  # what no longer matters is not shown


def test_a_damaged_note_is_no_note(settings: Settings, write_policy: Callable[..., Path]) -> None:
    write_policy("old")
    promote(settings.models_dir, "old", 1.0)
    for text in ("", "{", "[]", '{"aliases": 3, "at": "", "problem": null}', "x" * 20_000):
        (settings.models_dir / NOTE).write_text(text)
        assert read_note(settings.models_dir) is None and lags(settings)


def test_without_a_registry_nothing_lags(tmp_path: Path, write_policy: Callable[..., Path]) -> None:
    write_policy("old")
    promote(tmp_path / "models", "old", 1.0)
    settings = Settings(models_dir=tmp_path / "models", mlruns_dir=tmp_path / "none")
    assert not lags(settings) and standing(settings) is None
