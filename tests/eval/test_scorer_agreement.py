"""Our figures beside those of the independent scorer, on drawn worlds and on a real label set."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from eval.figures import compare
from eval.references import TrainingLabels, learnt_references, oracle_sweep
from eval.sweeps import align_decisions
from router.labels import LabelMatrix, build_labels

SHARED = Path(__file__).parents[3] / "shared"
SCORER = SHARED / "score" / "score_routing.py"
pytestmark = pytest.mark.skipif(not SCORER.exists(), reason="../shared/score/score_routing.py is not here")
TOLERANCE = 1e-6


@pytest.fixture(scope="module")
def scorer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("score_routing", SCORER)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def drawn(seed: int, n: int, routes: int, split: str) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    skill = np.linspace(0.4, 0.85, routes)
    rows = []
    for i in range(n):
        task = f"t{i % 4}"
        for j in range(routes):
            right = float(rng.random() < np.clip(skill[j] + 0.1 * (i % 4 - 1.5) * (-1) ** j, 0, 1))
            usd = 1e-4 * 3.0**j * rng.lognormal(0, 0.3)
            rows.append((f"{split}{i:04d}", task, f"text {split} {i}", f"m{j}", "none", right, usd))
    return pd.DataFrame(rows, columns=["query_id", "task", "prompt", "model", "effort", "correct", "cost_usd"])


def decided(table: pd.DataFrame, seed: int, points: int = 13) -> pd.DataFrame:
    """A noisy router, from the cheapest route to the dearest."""
    rng = np.random.default_rng(seed)
    routes = sorted(set(zip(table["model"], table["effort"])))
    queries = sorted(table["query_id"].unique())
    lean = rng.random(len(queries))
    rows = []
    for point, share in enumerate(np.linspace(0, 1, points)):
        level = np.clip(np.floor((lean + share - 0.5) * len(routes)), 0, len(routes) - 1).astype(int)
        rows += [(point, query, *routes[j]) for query, j in zip(queries, level)]
    return pd.DataFrame(rows, columns=["point", "query_id", "model", "effort"])


def scored(tmp_path: Path, decisions: pd.DataFrame, outcomes: pd.DataFrame, train: pd.DataFrame) -> dict[str, Any]:
    for name, table in (("d", decisions), ("o", outcomes), ("t", train)):
        table.to_parquet(tmp_path / f"{name}.parquet")
    files = [str(tmp_path / f"{name}.parquet") for name in "dot"]
    command = [sys.executable, "-W", "ignore", str(SCORER), *files[:2], "--train", files[2], "--boot", "40", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def ours(decisions: pd.DataFrame, data: LabelMatrix, train: LabelMatrix) -> dict[str, Any]:
    router = align_decisions(decisions, data, data.cost_usd, "router", "Router").sweep
    learnt = TrainingLabels(train, train.cost_usd).aligned(data, data.cost_usd)
    references = learnt_references(data, data.cost_usd, learnt, None)
    compared = compare(router, references, data.correct, data.cost_usd, replicates=40, seed=0)
    return {one.name: one.figures for one in compared.policies}


def same(mine: float | None, theirs: float) -> bool:
    """Where a figure is not defined the scorer says NaN and we say None."""
    return np.isnan(theirs) if mine is None else abs(mine - theirs) <= TOLERANCE


def check(theirs: dict[str, Any], mine: dict[str, Any]) -> int:
    checked = 0
    for key, expected in theirs["router"].items():
        found = mine["router"][key]
        assert same(found.value, expected["value"]), key
        assert same(found.low, expected["ci95"][0]) and same(found.high, expected["ci95"][1]), key
        checked += 1
    for policy in ("task_mean", "oracle"):
        for key, value in theirs[policy].items():
            assert same(mine[policy][key].value, value), (policy, key)
            checked += 1
    return checked


@pytest.mark.parametrize("routes", [2, 5])
def test_agrees_on_a_drawn_world(routes: int, tmp_path: Path) -> None:
    outcomes, train = drawn(1, 150, routes, "test"), drawn(2, 200, routes, "train")
    decisions = decided(outcomes, 3)
    mine = ours(decisions, build_labels(outcomes), build_labels(train))
    assert check(scored(tmp_path, decisions, outcomes, train), mine) >= 15


def test_agrees_on_real_labels(tmp_path: Path) -> None:
    source = SHARED / "data" / "routing" / "medagents.parquet"
    if not source.exists():
        pytest.skip("../shared/data/routing/medagents.parquet is not here")
    table = pd.read_parquet(source)
    outcomes, train = (table[table["split"] == name] for name in ("test", "train"))
    decisions = decided(outcomes, 5)
    data = build_labels(outcomes)
    data = data.subset(np.argsort(data.query_ids, kind="stable"))
    assert check(scored(tmp_path, decisions, outcomes, train), ours(decisions, data, build_labels(train))) >= 15


def test_plans_pay_alike(scorer: ModuleType, tmp_path: Path) -> None:
    outcomes = drawn(4, 80, 3, "test")
    first = decided(outcomes, 6, points=3).assign(step=0, calls=2)
    second = first[first["query_id"] < "test0030"].assign(step=1, calls=1, model="m2")
    decisions = pd.concat([second, first])
    theirs = scored(tmp_path, decisions, outcomes, outcomes)
    data = build_labels(outcomes)
    sweep = align_decisions(decisions, data, data.cost_usd, "router", "Plan").sweep
    for i, point in enumerate(theirs["points"]):
        assert sweep.usd[:, i].mean() == pytest.approx(point["usd"], abs=TOLERANCE)
        assert sweep.correct[:, i].mean() == pytest.approx(point["accuracy"], abs=TOLERANCE)


def test_oracle_points_agree_at_given_values(scorer: ModuleType) -> None:
    outcomes = drawn(8, 60, 4, "test")
    right, cost, _ = scorer.table(outcomes, {})
    theirs = np.array(scorer.oracle_points(right, cost))
    data = build_labels(outcomes)
    sweep = oracle_sweep(data, data.cost_usd)
    np.testing.assert_allclose(
        np.column_stack([sweep.usd.mean(axis=0), sweep.correct.mean(axis=0)]), theirs, atol=1e-12
    )
