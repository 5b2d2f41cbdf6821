"""Policies go up stage by stage, and come back; the pointers alone remember the way."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from router.current_policy import CANDIDATE, POINTER, load_current, read_current
from router.errors import InputError, PolicyFileError
from router.log.store import LogStore
from router.policy_files import read_folder
from router.rollout.history import keep, recent
from router.rollout.promotion import policies_in, promote, roll_back, withdraw


@pytest.fixture
def models(tmp_path: Path, write_policy: Callable[..., Path]) -> Path:
    write_policy("old")
    write_policy("new", seed=1)
    promote(tmp_path / "models", "old", 1.0)
    return tmp_path / "models"


def serving(models: Path) -> str:
    current = read_current(models)
    assert current is not None
    return current.folder.name


def test_without_a_share_a_policy_goes_up_stage_by_stage(models: Path) -> None:
    went = [promote(models, "new")] + [promote(models) for _ in range(3)]
    assert [(one.action, one.share) for one in went] == [
        ("stage", 0.01),
        ("stage", 0.1),
        ("stage", 0.5),
        ("promote", 1.0),
    ]
    assert serving(models) == "new" and not (models / CANDIDATE).exists()


def test_a_staged_candidate_comes_down_to_watching(models: Path) -> None:
    promote(models, "new", 0.5)
    change = roll_back(models, reason="it erred")
    assert (change.action, change.share, serving(models)) == ("rollback", 0.0, "old")
    told = json.loads((models / CANDIDATE).read_text())
    assert (told["share"], told["stopped"]) == (0.0, "it erred")


def test_a_promoted_policy_gives_way_to_the_one_before_it_once(models: Path) -> None:
    promote(models, "new", 1.0)
    change = roll_back(models)
    assert (change.policy, serving(models)) == ("new", "old")
    assert change.serving == read_folder(models / "old")["version"]
    with pytest.raises(InputError, match="nothing to go back to"):
        roll_back(models)


def test_a_rollback_is_not_made_after_somebody_else_changed_things(models: Path) -> None:
    promote(models, "new", 0.1)
    with pytest.raises(InputError, match="has its place by now"):
        roll_back(models, only="another version")
    assert json.loads((models / CANDIDATE).read_text())["share"] == 0.1


def test_a_policy_that_was_trained_anew_does_not_come_back(models: Path, write_policy: Callable[..., Path]) -> None:
    promote(models, "new", 1.0)
    write_policy("old", seed=9)
    with pytest.raises(PolicyFileError, match="trained anew"):
        roll_back(models)
    assert serving(models) == "new"


def test_a_withdrawn_candidate_does_not_even_watch(models: Path) -> None:
    promote(models, "new", 0.0)
    assert withdraw(models).action == "withdraw" and read_current(models, CANDIDATE) is None
    with pytest.raises(InputError, match="no candidate"):
        withdraw(models)


@pytest.mark.parametrize(
    "policy, share, what",
    [
        ("old", 1.0, "serves already"),
        (None, None, "no candidate"),
        ("new", 2.0, "not a share"),
        ("", None, "not a name"),
    ],
)
def test_what_makes_no_sense_is_refused(models: Path, policy: str | None, share: float | None, what: str) -> None:
    with pytest.raises(InputError, match=what):
        promote(models, policy, share)


def test_a_damaged_policy_takes_no_traffic(models: Path) -> None:
    (models / "new" / "sweep.json").write_text("{}")
    with pytest.raises(PolicyFileError):
        promote(models, "new")
    assert not (models / CANDIDATE).exists() and [name for name, _ in policies_in(models)] == ["old"]


def test_the_first_policy_cannot_be_staged(tmp_path: Path, write_policy: Callable[..., Path]) -> None:
    write_policy("only")
    with pytest.raises(InputError, match="nothing serves yet"):
        promote(tmp_path / "models", "only", 0.1)


def test_pointers_are_whole_and_readable(models: Path) -> None:
    promote(models, "new", 1.0)
    told = json.loads((models / POINTER).read_text())
    assert told["previous"]["policy"] == "old" and load_current(models) is not None


def test_changes_are_kept_with_their_reason(models: Path, store: LogStore) -> None:
    made = [promote(models, "new", 0.1, by="ann"), roll_back(models, reason="p99", evidence={"p99": 3.0})]
    for change in made:
        store.write(lambda connection, change=change: keep(connection, change)).result(5)
    with store.reading() as connection:
        assert recent(connection) == made[::-1]
