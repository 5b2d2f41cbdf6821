"""What a policy is worth on subjects that no label named: RouteLLM's MMLU rows with a fifth of the subjects left out at
a time, five times, each judged on the test rows of the subjects that its training never saw.
"""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from eval.bench_runner import Bench, Figure

LABELS, FOLDS, SEED, REPLICATES = "routellm_mmlu", 5, 0, 300
COMMAND = "python -m eval bench --only leave-subjects-out"


def subject_figures(bench: Bench) -> Iterator[Figure]:
    """APGR of the router and of the references, the mean over folds by their queries. Folds are not pooled: each has
    an incumbent mean of its own, and rows of easy subjects would be ranked against those of hard ones by it."""
    table = pd.read_parquet(bench.data / f"{LABELS}.parquet")
    found = [_judged(bench, part, fold) for fold, part in enumerate(subject_folds(table))]
    for label in [one["label"] for one in found[0]["policies"]]:
        each = [_apgr(report, label) for report in found]
        if all(one is not None for one in each):
            yield _mean(label, [one for one in each if one is not None], [report["n"] for report in found])


def subject_folds(table: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Per fold: training rows of the other subjects, and test rows of the subjects left out."""
    subjects = np.random.default_rng(SEED).permutation(sorted(table["task"].unique()))
    for fold in range(FOLDS):
        left_out = table["task"].isin(subjects[fold::FOLDS])
        train = (table["split"] == "train") & ~left_out
        yield table[train | ((table["split"] == "test") & left_out)]


def _judged(bench: Bench, part: pd.DataFrame, fold: int) -> dict[str, Any]:
    labels, policy = bench.scratch / f"subjects-{fold}.parquet", str(bench.folder(f"subjects-{fold}"))
    report = bench.scratch / f"subjects-{fold}"
    part.to_parquet(labels)
    bench.run(
        "training", "fit", "--labels", str(labels), "--out", policy, "--routes", str(bench.routes), "--no-tracking"
    )
    given = ("--policy", policy, "--labels", str(labels), "--replicates", str(REPLICATES))
    bench.run("eval", "frontier", *given, "--out", str(report))
    told: dict[str, Any] = json.loads(Path(report / "frontier.json").read_text())
    # the policy's own label is its folder's name
    return told | {"policies": [{**told["policies"][0], "label": "router"}, *told["policies"][1:]]}


def _apgr(report: Mapping[str, Any], label: str) -> Mapping[str, float] | None:
    figures = next(one["figures"] for one in report["policies"] if one["label"] == label)
    found: Mapping[str, float] | None = figures.get("apgr")
    return found if found and found["value"] is not None else None


def _mean(label: str, each: list[Mapping[str, float]], counts: list[int]) -> Figure:
    share = np.array(counts) / sum(counts)
    value = float(share @ [one["value"] for one in each])
    half = math.sqrt(float(share**2 @ [((one["high"] - one["low"]) / 2) ** 2 for one in each]))
    text = f"{value:.3f} [{value - half:.3f}, {value + half:.3f}]; folds "
    text += ", ".join(f"{one['value']:.2f}" for one in each)
    return Figure(f"apgr, subjects left out · {label}", text, sum(counts), LABELS, COMMAND)
