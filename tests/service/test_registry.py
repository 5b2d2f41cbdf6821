"""The registry is told by a command of its own, one at a time, again after a rest until it worked."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from router.current_policy import read_current
from router.events import RegistryTold
from router.rollout.promotion import policies_in, promote, roll_back
from router.rollout.registry import NOTE, Aliases, lags, note_told, standing
from router.settings import Settings
from service.registry import FIRST_REST_SECONDS, PATIENCE_SECONDS, RegistryFollower
from training.tracking import REGISTERED

ROOT = Path(__file__).parents[2]


class World:
    def __init__(self, settings: Settings, command: list[str]) -> None:
        self.settings, self.told, self.at = settings, [], 1_000.0  # type: ignore[var-annotated]
        self.follower = RegistryFollower(settings, [self.told.append], command, lambda: self.at)

    def look(self) -> None:
        """Look once the command that was started has ended."""
        if self.follower._running is not None:
            self.follower._running[0].wait(120)
        self.follower.look()

    @property
    def runs(self) -> bool:
        return self.follower._running is not None


@pytest.fixture
def make(tmp_path: Path, write_policy: Callable[..., Path]) -> Callable[..., World]:
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns" / "mlflow.db").touch()
    write_policy("old"), write_policy("new", seed=1)
    promote(tmp_path / "models", "old", 1.0)

    def made(words: str, **settings: object) -> World:
        given = Settings(models_dir=tmp_path / "models", mlruns_dir=tmp_path / "mlruns", **settings)  # type: ignore[arg-type]
        return World(given, ["sh", "-c", words])

    return made


def test_it_is_told_after_a_change_and_not_again(make: Callable[..., World], tmp_path: Path) -> None:
    current = read_current(tmp_path / "models")
    assert current is not None
    note_told(tmp_path, Aliases(current.version, None), datetime(2026, 3, 1, tzinfo=UTC))
    world = make(f"cp {tmp_path / NOTE} $TIERWISE_MODELS_DIR")
    world.look(), world.look(), world.look()
    assert world.told == [RegistryTold(None)] and not world.runs
    told = standing(world.settings)
    assert told is not None and not told["lags"] and told["aliases"]["candidate"] is None


def test_what_fails_is_told_and_tried_again_after_a_rest_or_a_change(
    make: Callable[..., World], tmp_path: Path
) -> None:
    world = make("echo 'the database is locked' >&2; exit 3")
    world.look(), world.look()
    assert world.told == [RegistryTold("the database is locked")] and not world.runs
    assert (standing(world.settings) or {})["problem"] == "the database is locked"
    world.at += FIRST_REST_SECONDS - 1
    world.look()
    assert not world.runs
    promote(tmp_path / "models", "new", 0.01)
    world.look()
    assert world.runs
    world.look()
    world.at += FIRST_REST_SECONDS
    world.look()
    assert world.runs
    world.look()
    assert len(world.told) == 3


def test_what_hangs_is_ended(make: Callable[..., World]) -> None:
    world = make("exec sleep 600")
    world.look()
    world.at += PATIENCE_SECONDS
    world.follower.look()
    assert world.told == [RegistryTold("the sync did not end within 120 s")] and not world.runs


def test_a_command_that_is_not_there_harms_nothing(make: Callable[..., World]) -> None:
    world = make("")
    world.follower = RegistryFollower(world.settings, [world.told.append], ["/no/such/command"])
    world.look()
    assert world.told == [RegistryTold("the sync could not be started (FileNotFoundError)")]


def test_a_fixed_policy_is_no_promotion(make: Callable[..., World], tmp_path: Path) -> None:
    world = make("exit 3", policy=tmp_path / "models" / "old")
    world.look()
    assert not world.runs


@pytest.mark.real
@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_the_aliases_in_mlflow_follow_a_promotion_and_a_rollback(
    make: Callable[..., World], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing but the pointers moves here: no store, no command line."""
    from mlflow import MlflowClient

    models, database = tmp_path / "models", tmp_path / "mlruns" / "mlflow.db"
    database.unlink()
    client = MlflowClient(f"sqlite:///{database}")
    client.create_registered_model(REGISTERED)
    for _, version in policies_in(models):  # new, old
        client.create_model_version(REGISTERED, source=str(models), tags={"policy": version})

    def aliases() -> dict[str, str]:
        return {name: str(one) for name, one in client.get_registered_model(REGISTERED).aliases.items()}

    monkeypatch.chdir(ROOT)  # for the command
    world = make("")
    world.follower = RegistryFollower(world.settings, [world.told.append])
    promote(models, "new", 0.5)
    world.look(), world.look()
    assert aliases() == {"incumbent": "2", "candidate": "1"} and not lags(world.settings)
    promote(models, "new", 1.0)
    roll_back(models, by="drift")
    world.look(), world.look()
    assert aliases() == {"incumbent": "2"} and world.told == [RegistryTold(None)] * 2
