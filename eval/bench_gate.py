"""The figures of off-policy evaluation and the gate: coverage, false promotions, and months of traffic on real labels.

Every figure here is simulated: logs and traffic are drawn with a seed, so that the truth is known.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from eval.heldout import held_out_queries
from eval.paired import Paired, pair_on_labels
from eval.simulated_logs import LOGGING, coverage
from eval.simulated_traffic import RULES, Traffic, false_promotions, null_pair, run
from router.embedding_cache import embed_cached
from router.encoders import Encoder
from router.exploration import ExploreLimits, Left, lottery
from router.gate.verdict import Decision
from router.labels import LabelMatrix, build_labels, read_labels
from router.policy import Policy
from router.prices import now

Row = tuple[str, str, int, str]
Fit = Callable[[Path, str, Sequence[str]], Path]
REPETITIONS, RESAMPLED, RUNS = 3_000, 500, 1_000
SEEDS, PER_HOUR, EXECUTED = 20, 30_000, 0.01
EXPLORED = ExploreLimits(0.1, max_extra_usd=0.02, max_risk=1.0, extra_share=0.25, risk_share=0.03)
CANDIDATES: tuple[tuple[str, Decision], ...] = (("better", "promote"), ("shuffled", "reject"), ("one-task", "reject"))


def off_policy_rows(repetitions: int = REPETITIONS, resampled: int = RESAMPLED) -> Iterator[Row]:
    """How often 95 % intervals hold the truth, on three kinds of logging policy; the bootstrap's on fewer logs."""
    data = "simulated logs of 5,000"
    for logging in LOGGING:
        for one in coverage(logging, repetitions, replicates=0):
            value = f"{_share(round(one.student * repetitions), repetitions)}; bias {one.bias:+.4f}"
            if one.bernstein == one.bernstein:
                value += f"; empirical Bernstein {one.bernstein:.1%}"
            what = f"95 % intervals that hold the truth: {one.estimator}, logged {logging} (simulated)"
            yield what, value, repetitions, data
        for one in coverage(logging, resampled):
            value = f"bootstrap {_share(round(one.bootstrap * resampled), resampled)}, "
            value += f"Student's t {_share(round(one.student * resampled), resampled)}"
            what = f"the same of the first {resampled} logs: {one.estimator}, logged {logging} (simulated)"
            yield what, value, resampled, data


def error_rows(runs: int = RUNS) -> Iterator[Row]:
    """False promotions of two policies that are the same, and of one that is worse by exactly the margin."""
    for at_margin, name in ((False, "A/A: as good and as dear"), (True, "half the price, worse by exactly the margin")):
        found = false_promotions(null_pair(at_margin), runs)
        value = f"{_share(found.gate, runs)}; by plain 95 % intervals {_share(found.plain, runs)}"
        data = f"simulated, looked at hourly for {found.hours} h"
        yield f"false promotions, {name} (simulated)", value, runs, data


@dataclass(frozen=True)
class Stage:
    """One label set: the incumbent trained on a third of it, the candidates, and the queries they are judged on."""

    name: str
    incumbent: Policy
    candidates: dict[str, Policy]
    held_out: LabelMatrix


def month_rows(stage: Stage, encoder: Encoder, cache: Path, seeds: int = SEEDS) -> Iterator[Row]:
    """A month of traffic for each candidate, with as many seeds: how it ended and after how many requests."""
    at = now()
    probability: np.ndarray | None = None
    for name, due in CANDIDATES:
        paired = pair_on_labels(
            stage.incumbent, stage.candidates[name], encoder, stage.held_out, at, cache, lambda *told: None
        )
        if probability is None:
            probability = explored(stage.incumbent, paired, encoder, at, cache)
        traffic = traffic_of(paired, probability)
        ended = [run(traffic, seed, RULES, PER_HOUR, EXECUTED) for seed in range(seeds)]
        right = sum(one.verdict.decision == due for one in ended)
        needed = np.array([one.requests for one in ended])
        usd, accuracy = (paired.cells(cells).mean(axis=0) for cells in (paired.paid, paired.data.correct))
        ratio = usd[1] / accuracy[1] / (usd[0] / accuracy[0]) - 1
        value = (
            f"{right} of {seeds} {due}; {np.median(needed):,.0f} requests at the median, {needed.max():,.0f} at most "
            f"(truth: {100 * (accuracy[1] - accuracy[0]):+.1f} points, {100 * ratio:+.1f} % USD per correct; "
            f"out of the log's reach: {traffic.unsupported:.1%})"
        )
        yield f"a month of traffic, candidate {name} (simulated)", value, seeds, stage.name


def prepare(labels: Path, scratch: Path, fit: Fit, encoder: Encoder, cache: Path) -> Stage:
    """Train the incumbent on a third of the training queries and the candidates on what they are named after.

    A candidate's operating point has the lowest cost per correct answer at which it is as accurate as the incumbent
    is on training queries that the incumbent has not seen. The held-out part chooses nothing.
    """
    table, name = pd.read_parquet(labels), labels.stem
    train = table[table["split"] == "train"].reset_index(drop=True)
    rng = np.random.default_rng(0)
    queries = rng.permutation(np.array(sorted(train["query_id"].unique())))
    third = train["query_id"].isin(queries[: len(queries) // 3])
    largest = train.drop_duplicates("query_id")["task"].value_counts().index[0]
    parts = {
        "better": train,
        "shuffled": train.assign(correct=rng.permutation(train["correct"].to_numpy())),
        "one-task": train[train["task"] == largest],
    }
    incumbent = Policy.load(fit(_written(train[third], scratch / f"{name}-incumbent.parquet"), f"{name}-incumbent", ()))
    floor = accuracy_on(incumbent, build_labels(train[~third].copy()), encoder, cache)
    goal = ("--floor", f"{floor:.6f}", "--confidence", "0")
    made = {
        role: Policy.load(fit(_written(part, scratch / f"{name}-{role}.parquet"), f"{name}-{role}", goal))
        for role, part in parts.items()
    }
    return Stage(name, incumbent, made, read_labels(labels).part("test"))


def accuracy_on(policy: Policy, data: LabelMatrix, encoder: Encoder, cache: Path) -> float:
    """Of the queries that are labelled on all routes."""
    paired = pair_on_labels(policy, policy, encoder, data, now(), cache, lambda *told: None)
    return float(paired.cells(paired.data.correct)[:, 0].mean())


def explored(policy: Policy, paired: Paired, encoder: Encoder, at: datetime, cache: Path) -> np.ndarray:
    """The probability (n, R) of each route under the incumbent's exploration, as /route would explore."""
    requests = held_out_queries(paired.data).requests
    vectors = embed_cached(encoder, paired.data.texts, cache)
    column = {route.key: j for j, route in enumerate(paired.data.routes)}
    probability = np.zeros((paired.data.n, len(column)))
    for i, (request, vector) in enumerate(zip(requests, vectors)):
        made = policy.decide(request, vector, at, shown=None)
        for key, chance in lottery((made.chosen, *made.alternatives), EXPLORED, Left(np.inf, np.inf)).items():
            probability[i, column[key]] = chance
    return probability


def traffic_of(paired: Paired, probability: np.ndarray) -> Traffic:
    tasks = np.array([task or "" for task in paired.data.tasks], dtype=object)
    p, usd = (np.where(np.isnan(one), 0.0, one) for one in (paired.incumbent.p, paired.incumbent.usd))
    return Traffic(
        paired.data.correct, paired.paid, p, usd, paired.incumbent.choice, paired.candidate.choice, probability, tasks
    )


def _written(table: pd.DataFrame, path: Path) -> Path:
    table.drop(columns="split").to_parquet(path)
    return path


def _share(count: int, n: int) -> str:
    """A share with its exact 95 % interval."""
    low, high = binomtest(count, n).proportion_ci(0.95, "exact")
    return f"{count / n:.1%} [{low:.1%}, {high:.1%}]"
