"""A small known world: queries of two tasks, three routes whose skill and price are set by the test."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from eval.frontier import FrontierReport, ReportNotes, build_report
from eval.references import TrainingLabels
from router.labels import LabelMatrix, build_labels

ROUTES = (("basic", "none"), ("middle", "none"), ("strong", "high"))
PRICES = (0.001, 0.004, 0.02)


def make_labels(
    n: int = 120, seed: int = 0, skills: tuple[float, ...] = (0.5, 0.65, 0.85), task: str = "sums"
) -> LabelMatrix:
    """Every route's answers are independent draws; `words` queries are easy for all routes."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        name = task if i % 2 else "words"
        for (model, effort), price, skill in zip(ROUTES, PRICES, skills):
            chance = skill if i % 2 else min(1.0, skill + 0.3)
            right = float(rng.random() < chance)
            cost = price * (0.5 + rng.random())
            rows.append((f"q{seed}-{i:04d}", name, f"{name} question {i}", model, effort, right, 10, 20, cost))
    columns = ["query_id", "task", "prompt", "model", "effort", "correct", "input_tokens", "output_tokens", "cost_usd"]
    return build_labels(pd.DataFrame(rows, columns=columns))


def make_vectors(data: LabelMatrix, seed: int = 0) -> np.ndarray:
    """Unit vectors that say which task a query belongs to, and little else."""
    rng = np.random.default_rng(seed)
    side = np.array([1.0 if task == "words" else -1.0 for task in data.tasks])
    vectors = np.column_stack([side, rng.normal(0, 0.3, (data.n, 5))])
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def make_decisions(data: LabelMatrix, picks: np.ndarray, p: np.ndarray | None = None) -> pd.DataFrame:
    """Decisions from the column of the chosen route, (n, points)."""
    point, row = (x.ravel() for x in np.meshgrid(np.arange(picks.shape[1]), np.arange(data.n)))
    chosen = [data.routes[j] for j in picks.ravel()]
    return pd.DataFrame(
        {
            "point": point,
            "query_id": np.array(data.query_ids)[row],
            "model": [route.model for route in chosen],
            "effort": [route.effort for route in chosen],
            "p_correct": np.full(len(row), 0.7) if p is None else p[row, picks.ravel()],
            "expected_usd": np.full(len(row), 0.003),
        }
    )


def sweep_picks(data: LabelMatrix, points: int = 7) -> np.ndarray:
    """From the cheapest route for all to the dearest for all: ever more queries of the hard task are sent up."""
    order = np.argsort(np.nanmean(data.cost_usd, axis=0))
    hard = np.array([task != "words" for task in data.tasks])
    rank = np.where(hard, 0.4, 0.0) + np.linspace(0, 0.6, data.n)
    level = [
        np.searchsorted([1.0 - t, 1.4 - t], rank) if t else np.zeros(data.n, int) for t in np.linspace(0, 1.5, points)
    ]
    return order[np.stack(level, axis=1)]


@pytest.fixture(scope="session")
def data() -> LabelMatrix:
    return make_labels()


@pytest.fixture(scope="session")
def report_of() -> Callable[..., FrontierReport]:
    """Build a report of few resamples; keyword arguments go to build_report."""

    def build(data: LabelMatrix, picks: np.ndarray | None = None, **given: object) -> FrontierReport:
        picks = sweep_picks(data) if picks is None else picks
        p = np.clip(np.nanmean(data.correct, axis=0) + np.linspace(-0.1, 0.1, data.n)[:, None], 0, 1)
        defaults = {"notes": ReportNotes(policy="demo"), "replicates": 60, "seed": 1}
        chosen = given.pop("chosen", picks.shape[1] - 1)
        decisions = given.pop("decisions", None)
        decisions = make_decisions(data, picks, p) if decisions is None else decisions
        costs = given.pop("costs", data.cost_usd)
        return build_report(data, decisions, costs, given.pop("p", p), chosen, **{**defaults, **given})

    return build


@pytest.fixture(scope="session")
def full_report(data: LabelMatrix, report_of: Callable[..., FrontierReport]) -> FrontierReport:
    train = make_labels(160, seed=7)
    taught = TrainingLabels(train, train.cost_usd, make_vectors(train))
    return report_of(data, train=taught, vectors=make_vectors(data), replicates=120)
