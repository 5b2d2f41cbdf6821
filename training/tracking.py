"""Keeps a training in MLflow: parameters, metrics, plots, the policy folder, and a registered version with an alias.

MLflow is a record here, never a source: nothing is loaded from it and nothing of it is unpickled. Its database is
SQLite inside `mlruns/`, because a plain folder store is refused by current versions.
"""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from training.fit import FitOptions, FitResult

REGISTERED = "tierwise-policy"
EXPERIMENT = "tierwise"


def record(result: FitResult, options: FitOptions, mlruns: Path, plots: Path | None = None) -> str:
    """Write one run and register its policy. The first version is the incumbent, every later one the candidate.

    Returns the registered version. Raises whatever MLflow raises; the caller decides that a policy on disk is worth
    more than its record.
    """
    with _quiet():
        import mlflow
        from mlflow import MlflowClient

        uri = f"sqlite:///{(mlruns / 'mlflow.db').resolve()}"
        mlruns.mkdir(parents=True, exist_ok=True)
        mlflow.set_tracking_uri(uri)
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        experiment = _experiment(client, mlruns)
        run = client.create_run(experiment, run_name=options.out.name, tags={"mlflow.source.name": "training fit"})
        run_id = run.info.run_id
        for name, value in _parameters(result, options).items():
            client.log_param(run_id, name, value)
        for name, value in _metrics(result).items():
            client.log_metric(run_id, name, value)
        client.log_artifacts(run_id, str(options.out), "policy")
        if plots is not None:
            client.log_artifacts(run_id, str(plots), "plots")
        client.set_terminated(run_id)
        return _register(client, run_id, f"{run.info.artifact_uri}/policy", result.manifest["version"])


def point_aliases(mlruns: Path, incumbent: str | None, candidate: str | None) -> list[str]:
    """Let the aliases name the versions of these policies (by their digests); one that is None, or was never recorded
    here, loses its alias. What was moved, in words; nothing where all stood right. Raises whatever MLflow raises."""
    moved = []
    with _quiet():
        from mlflow import MlflowClient

        uri = f"sqlite:///{(mlruns / 'mlflow.db').resolve()}"
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        versions = client.search_model_versions(f"name = '{REGISTERED}'")
        if not versions:
            return []
        newest_last = sorted(versions, key=lambda one: int(one.version))
        recorded = {one.tags.get("policy"): str(one.version) for one in newest_last}
        stands = {name: str(one) for name, one in client.get_registered_model(REGISTERED).aliases.items()}
        for alias, policy in (("incumbent", incumbent), ("candidate", candidate)):
            wanted, before = None if policy is None else recorded.get(policy), stands.get(alias)
            if wanted == before:
                continue
            if wanted is not None:
                client.set_registered_model_alias(REGISTERED, alias, wanted)
            else:
                client.delete_registered_model_alias(REGISTERED, alias)
            moved.append(
                f"{alias}: version {before or 'none'} before, {wanted or 'none'} now ({policy or 'no policy'})"
            )
    return moved


def _experiment(client: Any, mlruns: Path) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    return str(client.create_experiment(EXPERIMENT, artifact_location=(mlruns / "artifacts").resolve().as_uri()))


def _register(client: Any, run_id: str, source: str, policy: str) -> str:
    if not client.search_registered_models(f"name = '{REGISTERED}'"):
        client.create_registered_model(REGISTERED)
    version = client.create_model_version(REGISTERED, source=source, run_id=run_id, tags={"policy": policy}).version
    aliases = client.get_registered_model(REGISTERED).aliases
    client.set_registered_model_alias(REGISTERED, "candidate" if "incumbent" in aliases else "incumbent", version)
    return str(version)


def _parameters(result: FitResult, options: FitOptions) -> dict[str, Any]:
    manifest = result.manifest
    return {
        "labels": options.labels.name,
        "labels_digest": manifest["labels"]["digest"],
        "queries": manifest["labels"]["queries"],
        "routes": len(manifest["routes"]),
        "seed": options.seed,
        "objective": manifest["operating_point"]["objective"],
        "value_usd": manifest["operating_point"]["value_usd"],
        "encoder": f"{manifest['encoder']['name']} {manifest['encoder']['precision']}",
        "policy": manifest["version"],
        "simulated": options.simulated,
    }


def _metrics(result: FitResult) -> dict[str, float]:
    point = result.manifest["operating_point"]
    metrics = {name: point[name] for name in ("out_of_fold_usd", "out_of_fold_accuracy")}
    flat = {k: v for k, v in result.fitted.report.items() if isinstance(v, (int, float)) and not isinstance(v, bool)}
    return metrics | {f"estimator_{name}": float(value) for name, value in flat.items()}


@contextmanager
def _quiet() -> Iterator[None]:
    """MLflow and Alembic announce every migration step; none of it is for our users."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    levels = {name: logging.getLogger(name).level for name in ("alembic", "mlflow", "mlflow.store.db.utils")}
    for name in levels:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
