"""The chosen operating point by task and by difficulty, and where something simpler would have done better.

Money and correctness are compared through one exchange rate, the value of a correct answer: an answer's net value is
value x correct - usd. Looking at many slices finds losses by chance, so a loss is called *sure* only where it
survives a Bonferroni correction over all comparisons that were made.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from eval.bootstrap import Estimate, mean_estimates
from eval.sweeps import Sweep
from router.labels import LabelMatrix

QUINTILES = ("hardest fifth", "hard fifth", "middle fifth", "easy fifth", "easiest fifth")
SHOWN_QUERIES = 10
_EXCERPT_CHARS = 220
_SMALLEST = 5  # a slice of fewer queries says nothing
_SURE_FROM = 30  # with fewer, answers that happen not to differ look like certainty


@dataclass(frozen=True)
class Rival:
    """A simpler policy in one slice; differences are router minus rival, per request."""

    label: str
    usd: float
    accuracy: float
    accuracy_difference: Estimate
    net_difference: Estimate
    sure: bool


@dataclass(frozen=True)
class Slice:
    kind: str
    name: str
    n: int
    usd: float
    accuracy: Estimate
    best_possible: float
    rival: Rival | None

    @property
    def loses(self) -> bool:
        return self.rival is not None and self.rival.net_difference.below_zero


@dataclass(frozen=True)
class LostQuery:
    """A query on which another route would have been worth more."""

    query_id: str
    task: str | None
    excerpt: str
    route: str
    p_correct: float | None
    usd: float
    better: str
    better_usd: float
    regret_usd: float


@dataclass(frozen=True)
class Errors:
    """Why answers were wrong at the chosen point, in shares of all queries."""

    wrong: float
    nobody_right: float
    cheaper_right: float
    only_dearer_right: float


@dataclass(frozen=True)
class Losses:
    errors: Errors
    queries: tuple[LostQuery, ...]


@dataclass(frozen=True)
class Judged:
    """One operating point and its rivals on every query: columns of `usd` and `correct` belong to `labels`."""

    point: Sweep
    labels: tuple[str, ...]
    usd: np.ndarray = field(repr=False)
    correct: np.ndarray = field(repr=False)
    value_usd: float

    @property
    def net_differences(self) -> np.ndarray:
        return self.value_usd * (self.point.correct - self.correct) - (self.point.usd - self.usd)


def slice_all(
    data: LabelMatrix, judged: Judged, p: np.ndarray | None, replicates: int = 1000, seed: int = 0
) -> tuple[Slice, ...]:
    """Every task and difficulty fifth of at least five queries, largest first within its kind."""
    found = list(_members(data, p))
    comparisons = max(1, len(found) * len(judged.labels))
    best = data.correct.max(axis=1)
    return tuple(_slice(*one, judged, best, comparisons, (replicates, seed)) for one in found)


def _members(data: LabelMatrix, p: np.ndarray | None) -> Iterator[tuple[str, str, np.ndarray]]:
    tasks = np.array([task or "" for task in data.tasks])
    names, counts = np.unique(tasks, return_counts=True)
    for i in np.argsort(-counts, kind="stable"):
        if names[i] and counts[i] >= _SMALLEST:
            yield "task", str(names[i]), np.flatnonzero(tasks == names[i])
    if p is None or data.n < _SMALLEST * len(QUINTILES):
        return
    order = np.argsort(np.nanmean(p, axis=1), kind="stable")
    for name, rows in zip(QUINTILES, np.array_split(order, len(QUINTILES))):
        yield "difficulty", name, np.sort(rows)


def _slice(
    kind: str, name: str, rows: np.ndarray, judged: Judged, best: np.ndarray, comparisons: int, draws: tuple[int, int]
) -> Slice:
    right = judged.point.correct[rows]
    accuracy = mean_estimates(right, *draws)[0]
    rival = _best_rival(rows, judged, comparisons, draws) if judged.labels else None
    return Slice(kind, name, len(rows), float(judged.point.usd[rows].mean()), accuracy, float(best[rows].mean()), rival)


def _best_rival(rows: np.ndarray, judged: Judged, comparisons: int, draws: tuple[int, int]) -> Rival:
    net = judged.net_differences[rows]
    i = int(np.argmin(net.mean(axis=0)))
    columns = np.stack([judged.point.correct[rows, 0] - judged.correct[rows, i], net[:, i]], axis=1)
    accuracy, worth = mean_estimates(columns, *draws)
    error = float(net[:, i].std(ddof=1) / np.sqrt(len(rows)))
    limit = NormalDist().inv_cdf(1 - 0.025 / comparisons)
    sure = len(rows) >= _SURE_FROM and error > 0 and bool(net[:, i].mean() < -limit * error)
    usd, right = float(judged.usd[rows, i].mean()), float(judged.correct[rows, i].mean())
    return Rival(judged.labels[i], usd, right, accuracy, worth, sure)


def find_losses(
    data: LabelMatrix, costs: np.ndarray, judged: Judged, p_correct: np.ndarray, show_prompts: bool = True
) -> Losses:
    """The queries with the largest regret against the best route in hindsight, and the anatomy of wrong answers."""
    point, rows = judged.point, np.arange(data.n)
    assert point.picks is not None
    net = judged.value_usd * data.correct - costs
    better = net.argmax(axis=1)
    own = judged.value_usd * point.correct[:, 0] - point.usd[:, 0]
    regret = net[rows, better] - own
    worst = [i for i in np.argsort(-regret, kind="stable")[:SHOWN_QUERIES] if regret[i] > 0]
    queries = tuple(
        LostQuery(
            data.query_ids[i],
            data.tasks[i],
            _excerpt(data.texts[i]) if show_prompts else "",
            data.routes[point.picks[i, 0]].key,
            None if np.isnan(p_correct[i]) else float(p_correct[i]),
            float(point.usd[i, 0]),
            data.routes[better[i]].key,
            float(costs[i, better[i]]),
            float(regret[i]),
        )
        for i in worst
    )
    return Losses(_errors(data.correct, costs, point), queries)


def _errors(correct: np.ndarray, costs: np.ndarray, point: Sweep) -> Errors:
    lost = 1.0 - point.correct[:, 0]
    right = correct > point.correct
    cheaper = (right & (costs <= point.usd)).any(axis=1)
    dearer = right.any(axis=1) & ~cheaper
    shares: Sequence[float] = [float((lost * mask).mean()) for mask in (~right.any(axis=1), cheaper, dearer)]
    return Errors(float(lost.mean()), *shares)


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _EXCERPT_CHARS else line[:_EXCERPT_CHARS] + " …"
