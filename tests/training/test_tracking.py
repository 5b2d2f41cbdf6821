from datetime import UTC, datetime
from pathlib import Path

import pytest

from router.encoders import HashingEncoder
from router.settings import Settings
from training.fit import FitOptions, fit
from training.simulate import simulate
from training.tracking import REGISTERED, point_aliases, record

pytestmark = pytest.mark.real  # MLflow's own database


@pytest.fixture(scope="module")
def tracked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tracking")
    simulate(60, seed=1).to_parquet(folder / "l.parquet")
    options = FitOptions(folder / "l.parquet", folder / "p", at=datetime(2026, 11, 1, tzinfo=UTC), simulated=True)
    result = fit(options, Settings(models_dir=folder, encoder_backend="hashing"), encoder=HashingEncoder())
    versions = [record(result, options, folder / "mlruns") for _ in range(2)]
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{folder / 'mlruns' / 'mlflow.db'}"), result, versions


def test_the_first_version_is_the_incumbent_and_the_next_a_candidate(tracked):
    client, _, versions = tracked
    aliases = client.get_registered_model(REGISTERED).aliases
    assert {name: str(number) for name, number in aliases.items()} == {
        "incumbent": versions[0],
        "candidate": versions[1],
    }


def test_a_run_holds_parameters_metrics_and_the_policy(tracked):
    client, result, versions = tracked
    run = client.get_run(client.get_model_version(REGISTERED, versions[0]).run_id)
    assert run.data.params["labels_digest"] == result.manifest["labels"]["digest"]
    assert run.data.metrics["out_of_fold_usd"] > 0
    assert any(one.path == "policy/manifest.json" for one in client.list_artifacts(run.info.run_id, "policy"))


def test_aliases_follow_what_serves(tracked):
    client, result, versions = tracked
    mlruns = Path(client.tracking_uri.removeprefix("sqlite:///")).parent
    moved = point_aliases(mlruns, None, result.manifest["version"])
    assert len(moved) == 1 and moved[0].startswith("incumbent: version 1 before, none now")
    assert point_aliases(mlruns, None, result.manifest["version"]) == []
    aliases = client.get_registered_model(REGISTERED).aliases
    assert {name: str(number) for name, number in aliases.items()} == {"candidate": versions[1]}
