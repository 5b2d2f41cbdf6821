"""How much effort a policy buys, task by task, without being told the task."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from router.embedding_cache import embed_cached
from router.encoders import Encoder
from router.estimate.linear_algebra import one_blas_thread
from router.labels import LabelMatrix
from router.policy import Policy
from router.prices import now
from router.routes import effort_rank

POINTS, DRAWS = 21, 1000


@dataclass(frozen=True)
class EffortUse:
    """The mean rank of the efforts chosen for one task's queries over the middle third of the operating points, with a
    95 % interval over queries."""

    task: str
    queries: int
    mean_rank: float
    low: float
    high: float


def effort_use(policy: Policy, encoder: Encoder, held_out: LabelMatrix, cache: Path) -> list[EffortUse]:
    """One row per task, the most effort first. Routes whose effort has no rank do not count."""
    vectors = embed_cached(encoder, held_out.texts, cache)
    with one_blas_thread():
        estimates = policy.estimate(held_out.texts, vectors, [None] * held_out.n, held_out.context_chars)
    chosen = policy.sweep_choices(estimates, policy.usd(estimates, now()), policy.sweep.points(POINTS))
    ranks = np.array([np.nan if (rank := effort_rank(r.effort)) is None else rank for r in policy.routes])
    middle = np.nanmean(ranks[chosen[:, POINTS // 3 : POINTS - POINTS // 3]], axis=1)
    tasks = np.array([task or "" for task in held_out.tasks])
    rows = [_use(task, middle[tasks == task]) for task in np.unique(tasks)]
    return sorted(rows, key=lambda one: -one.mean_rank)


def _use(task: str, ranks: np.ndarray) -> EffortUse:
    draws = np.random.default_rng(0).choice(ranks, (DRAWS, len(ranks))).mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return EffortUse(task, len(ranks), float(ranks.mean()), float(low), float(high))
