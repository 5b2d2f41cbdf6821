"""The pointer is followed; what it leads to is taken when it is whole and what was promoted."""

import json
import time
from pathlib import Path

import pytest

from router import current_policy
from router.current_policy import POINTER, PolicyWatcher, load_current, read_current, write_current
from router.errors import PolicyFileError
from router.events import PolicyRefused
from router.policy import Policy


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def taken() -> list[Policy]:
    return []


@pytest.fixture
def refused() -> list[PolicyRefused]:
    return []


@pytest.fixture
def watcher(models: Path, taken: list[Policy], refused: list[PolicyRefused]) -> PolicyWatcher:
    return PolicyWatcher(models, taken.append, [refused.append], poll_seconds=0.01)


def test_what_is_written_is_read(models: Path, write_policy) -> None:
    written = write_current(models, write_policy())
    assert read_current(models) == written
    assert load_current(models).version == written.version
    assert json.loads((models / POINTER).read_text())["policy"] == "tiny"
    assert [path.name for path in models.iterdir() if path.name.startswith(".current")] == []


def test_a_folder_elsewhere_is_named_in_full(models: Path, tmp_path: Path, write_policy) -> None:
    folder = write_policy(parent=tmp_path / "elsewhere")
    write_current(models, folder)
    assert load_current(models).folder == folder


def test_no_pointer_is_no_policy(models: Path) -> None:
    assert read_current(models) is None
    assert load_current(models) is None


def test_only_a_whole_policy_can_be_pointed_at(models: Path, write_policy) -> None:
    folder = write_policy()
    (folder / "sweep.json").write_text("{}")
    with pytest.raises(PolicyFileError, match="does not match its digest"):
        write_current(models, folder)
    assert read_current(models) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"policy": 3, "version": "x"}', '{"policy": "a\\u0000"}', "\xff"])
def test_a_damaged_pointer_is_an_error(models: Path, text: str) -> None:
    models.mkdir()
    (models / POINTER).write_bytes(text.encode("latin-1"))
    with pytest.raises(PolicyFileError, match="not a pointer"):
        read_current(models)


def test_the_watcher_takes_a_policy_once_and_the_next_when_promoted(models, write_policy, watcher, taken) -> None:
    watcher.look()
    write_current(models, write_policy())
    watcher.look()
    watcher.look()
    write_current(models, write_policy("next", seed=1))
    watcher.look()
    assert [policy.folder.name for policy in taken] == ["tiny", "next"]


def test_a_policy_trained_anew_in_its_place_takes_no_traffic_until_promoted(
    models, write_policy, watcher, taken, refused
) -> None:
    write_current(models, write_policy())
    watcher.look()
    folder = write_policy(seed=7)
    watcher.look()
    watcher.look()
    assert len(taken) == 1
    assert [event.problem for event in refused] == [
        event.problem for event in refused if "promoted for" in event.problem
    ]
    assert len(refused) == 1
    write_current(models, folder)
    watcher.look()
    assert len(taken) == 2


def test_a_broken_policy_is_refused_once_and_taken_when_mended(models, write_policy, watcher, taken, refused) -> None:
    folder = write_policy()
    write_current(models, folder)
    (folder / "sweep.json").rename(folder / "hidden")
    for _ in range(3):
        watcher.look()
    assert (len(taken), len(refused)) == (0, 1)
    write_policy()
    watcher.look()
    assert (len(taken), len(refused)) == (1, 1)


def test_a_swap_that_fails_is_told_and_watching_goes_on(models, write_policy, refused, taken) -> None:
    def swap(policy: Policy) -> None:
        if not refused:
            raise RuntimeError("no")
        taken.append(policy)

    watcher = PolicyWatcher(models, swap, [refused.append])
    write_current(models, write_policy())
    watcher.look()
    write_current(models, write_policy("next", seed=1))
    watcher.look()
    assert (len(refused), len(taken)) == (1, 1)


def test_what_was_refused_is_tried_again_and_told_once(models, write_policy, refused, taken, monkeypatch) -> None:
    """Memory was short, say: nothing in the files will ever change."""
    monkeypatch.setattr(current_policy, "RETRY_SECONDS", 0.0)
    failures = iter([MemoryError(), MemoryError()])

    def swap(policy: Policy) -> None:
        for error in failures:
            raise error
        taken.append(policy)

    watcher = PolicyWatcher(models, swap, [refused.append])
    write_current(models, write_policy())
    for _ in range(4):
        watcher.look()
    assert (len(refused), len(taken)) == (1, 1)


def test_the_thread_follows_the_pointer(models, write_policy, watcher, taken) -> None:
    watcher.start()
    write_current(models, write_policy())
    deadline = time.monotonic() + 5
    while not taken and time.monotonic() < deadline:
        time.sleep(0.01)
    watcher.stop()
    assert len(taken) == 1
