"""Fits the members of the estimator. Whatever one member reads of another is out of fold, its own outcome left out."""

from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np

from router.estimate.members import (
    TREE_FEATURES,
    Members,
    TaskTable,
    Views,
    log_odds,
    tree_features,
)
from router.estimate.neighbours import Look, Neighbours, summarise
from router.estimate.representation import RequestRow
from router.routes import Route, effort_rank
from training.boosting import Boost, Cells, boost_here
from training.heads import Heads, fit_heads
from training.outcomes import Outcomes, level_and_contrasts

MOST_NEIGHBOURS = 4096
CHUNK = 512
MOST_TASKS, LEAST_OF_TASK = 200, 4
# Pseudo-labels that draw a task's mean towards all tasks': as many as the data say, within these bounds.
LEAST_PRIOR, MOST_PRIOR = 3.0, 200.0
# Before looking: as many as this, believed as firmly as if so many tasks had shown it.
USUAL_PRIOR, USUAL_TASKS = 10.0, 4.0
SHARPNESS = np.array([0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
TREES = 100
# Bagging a handful of cells may draw none.
FEW_CELLS = 20
TREE_PARAMETERS: dict[str, Any] = {
    "objective": "cross_entropy",
    "learning_rate": 0.05,
    "num_leaves": 8,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 20.0,
    "max_bin": 63,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbose": -1,
}


@dataclass(frozen=True)
class Examples:
    """What members are fitted to: one row per query. `groups` is what a held-out row may share with no other row."""

    rows: tuple[RequestRow, ...]
    tasks: tuple[str | None, ...]
    groups: np.ndarray
    outcomes: Outcomes
    routes: tuple[Route, ...]
    names: tuple[str, ...] = ()

    def subset(self, picked: np.ndarray) -> "Examples":
        return Examples(
            tuple(self.rows[i] for i in picked),
            tuple(self.tasks[i] for i in picked),
            self.groups[picked],
            self.outcomes.subset(picked),
            self.routes,
            tuple(self.names[i] for i in picked) if self.names else (),
        )


def fit_members(
    data: Examples, folds: np.ndarray, seed: int, boost: Boost = boost_here
) -> tuple[Members, dict[str, float]]:
    """Fit all members; `folds` (n,) serve the linear heads' inner cross-validation, `boost` fits the trees."""
    dense = np.stack([row.dense for row in data.rows])
    outcomes = data.outcomes
    basis = level_and_contrasts(outcomes.residual)
    routes = len(data.routes)
    names, number = known_tasks(data.tasks)
    member = (number[:, None] == np.arange(len(names))).astype(np.float64)
    both = fit_heads(dense, np.hstack([outcomes.residual @ basis, member]), folds, tied_from=routes)
    heads = both.columns(0, routes)
    tasks, table = _fit_table(both.columns(routes, None), names, number, outcomes, folds)
    vectors = np.stack([row.vector for row in data.rows]).astype(np.float32)
    linear = heads.out_of_fold @ basis.T
    looks = leave_out_looks(vectors, data.groups, outcomes.residual)
    views = [Views(looks[i], table[i], linear[i], None, None) for i in range(len(linear))]
    facts = route_facts(data.routes, outcomes.base)
    booster = _fit_trees(data, views, facts, seed, boost)
    kept = _spread(len(vectors), MOST_NEIGHBOURS, seed)
    members = Members(
        base=outcomes.base,
        linear=basis @ heads.weights,
        linear_offset=basis @ heads.offset,
        tasks=tasks,
        neighbours=Neighbours(
            vectors[kept], outcomes.residual[kept], tuple(data.names[i] for i in kept) if data.names else ()
        ),
        route_facts=facts,
        booster=booster,
    )
    return members, explained(heads)


def explained(heads: Heads) -> dict[str, float]:
    best = float(heads.explained[1:].max()) if len(heads.explained) > 1 else 0.0
    return {"level_explained": float(heads.explained[0]), "best_contrast_explained": best}


def _spread(n: int, most: int, seed: int) -> np.ndarray:
    """All rows, or a fixed random choice of `most`."""
    return np.arange(n) if n <= most else np.sort(np.random.default_rng(seed).choice(n, most, replace=False))


def _fit_table(
    heads: Heads, names: tuple[str, ...], number: np.ndarray, outcomes: Outcomes, folds: np.ndarray
) -> tuple[TaskTable, np.ndarray]:
    """The task table, and its residuals (n, R) for the rows it was made from, the outcomes of their folds left out."""
    residual = outcomes.residual
    if len(names) < 2:
        empty = TaskTable((), np.zeros((0, residual.shape[1])), heads.weights[:0], np.zeros(0), 0.0)
        return empty, np.zeros_like(residual)
    member = (number[:, None] == np.arange(len(names))).astype(np.float64)
    prior = np.log(member.mean(axis=0))
    # scores are shares of one; the prior is what scores of zero would mean
    scores = heads.out_of_fold - heads.offset
    absent = np.stack([member[folds != f].sum(axis=0) == 0 for f in range(folds.max() + 1)])[folds]
    losses = [task_loss(s * scores + prior, absent, number) for s in SHARPNESS]
    sharpness = float(SHARPNESS[int(np.argmin(losses))])
    # in level and contrasts: tasks differ more in how hard they are than in who can do them
    basis = level_and_contrasts(residual)
    turned = residual @ basis
    sums, counts = member.T @ turned, member.sum(axis=0)[:, None]
    pseudo = task_priors(turned, number, len(names))
    means = sums / (counts + pseudo) @ basis.T
    posterior = softmax(sharpness * scores + prior, absent)
    # Means without the row's whole fold: without the row alone they would fall where its own outcome is high, and the
    # trees that read them would learn to turn them round.
    out = np.empty_like(residual)
    for fold in np.unique(folds):
        held = folds == fold
        if held.all():
            return TaskTable(names, means + outcomes.base, heads.weights, prior, sharpness), posterior @ means
        fewer, left = sums - member[held].T @ turned[held], counts - member[held].sum(axis=0)[:, None]
        out[held] = posterior[held] @ (fewer / (left + pseudo) @ basis.T)
    table = TaskTable(names, means + outcomes.base, heads.weights, prior, sharpness)
    return table, out


def task_priors(values: np.ndarray, number: np.ndarray, tasks: int) -> np.ndarray:
    """Pseudo-labels (K,) per column of values (n, K): the variance within tasks over that between them, by moments."""
    rows = number >= 0
    one, task = values[rows], number[rows]
    counts = np.bincount(task, minlength=tasks)
    means = np.stack([np.bincount(task, column, minlength=tasks) for column in one.T]) / np.maximum(counts, 1)
    within = ((one - means.T[task]) ** 2).sum(axis=0)
    return pseudo_labels(counts, means, within, one.mean(axis=0))


def pseudo_labels(counts: np.ndarray, means: np.ndarray, squares: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """The same (K,) from counts (T,) and means (K, T) of tasks, squares within tasks (K,), and the mean of all (K,)."""
    tasks, total = len(counts), counts.sum()
    within = squares / max(total - tasks, 1)
    spread = (counts * (means - centre[:, None]) ** 2).sum(axis=1) - (tasks - 1) * within
    between = spread / max(total - (counts**2).sum() / max(total, 1), 1e-9)
    # a few tasks tell little of how much tasks differ
    usual = within / USUAL_PRIOR
    between = ((tasks - 1) * np.maximum(between, 0.0) + USUAL_TASKS * usual) / (tasks - 1 + USUAL_TASKS)
    return np.clip(within / np.maximum(between, 1e-12), LEAST_PRIOR, MOST_PRIOR)


def known_tasks(tasks: tuple[str | None, ...]) -> tuple[tuple[str, ...], np.ndarray]:
    """The most frequent tasks by name, and each row's number among them (−1: none or rare)."""
    names, counts = np.unique([task for task in tasks if task is not None], return_counts=True)
    chosen = frequent(names, counts)
    place = {name: i for i, name in enumerate(chosen)}
    return chosen, np.array([place.get(task, -1) if task is not None else -1 for task in tasks])


def frequent(names: np.ndarray, counts: np.ndarray) -> tuple[str, ...]:
    """The most frequent tasks, of names in order, that are not rare."""
    kept = sorted(np.argsort(-counts, kind="stable")[:MOST_TASKS])
    return tuple(str(names[i]) for i in kept if counts[i] >= LEAST_OF_TASK)


def softmax(scores: np.ndarray, absent: np.ndarray) -> np.ndarray:
    scores = np.where(absent, -np.inf, scores)
    top = scores.max(axis=1, keepdims=True)
    weight = np.exp(scores - np.where(np.isfinite(top), top, 0.0))
    return weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)


def task_loss(scores: np.ndarray, absent: np.ndarray, number: np.ndarray) -> float:
    rows = np.flatnonzero(number >= 0)
    rows = rows[~absent[rows, number[rows]]]
    if not len(rows):
        return 0.0
    return float(-np.log(np.maximum(softmax(scores, absent)[rows, number[rows]], 1e-9)).mean())


def leave_out_looks(vectors: np.ndarray, groups: np.ndarray, residual: np.ndarray) -> list[Look]:
    """Each row's neighbours among the rows of other groups."""
    looks = []
    for start in range(0, len(vectors), CHUNK):
        similarity = vectors[start : start + CHUNK] @ vectors.T
        similarity[groups[start : start + CHUNK, None] == groups] = -np.inf
        looks += [summarise(row, residual) for row in similarity]
    return looks


def route_facts(routes: tuple[Route, ...], base: np.ndarray) -> np.ndarray:
    """Log-odds of the route and of its model, and the effort's rank (NaN where its name has no order)."""
    models = np.array([route.model for route in routes])
    of_model = np.array([base[models == model].mean() for model in models])
    ranks = [effort_rank(route.effort) for route in routes]
    efforts = np.array([np.nan if rank is None else rank for rank in ranks])
    return np.column_stack([log_odds(base), log_odds(of_model), efforts])


def _fit_trees(data: Examples, views: list[Views], facts: np.ndarray, seed: int, boost: Boost) -> lgb.Booster:
    features = np.concatenate([tree_features(row, view, facts) for row, view in zip(data.rows, views)])
    known = data.outcomes.known.ravel()
    start = np.tile(log_odds(data.outcomes.base), len(views))
    labels = data.outcomes.correct.ravel()
    weight = None if data.outcomes.weight is None else data.outcomes.weight.ravel()[known]
    cells = Cells(features[known], labels[known], start[known], weight, TREE_FEATURES)
    parameters = tree_parameters(int(known.sum()), seed)
    booster = boost(cells, parameters, TREES)
    # read back from its text, so that a saved estimator and this one are the same to the bit
    return lgb.Booster(model_str=booster.model_to_string())


def tree_parameters(cells: int, seed: int) -> dict[str, Any]:
    """What LightGBM is told for so many cells."""
    least = max(2, min(TREE_PARAMETERS["min_data_in_leaf"], cells // 20))
    parameters = TREE_PARAMETERS | {"seed": seed, "min_data_in_leaf": least}
    return parameters if cells >= FEW_CELLS else parameters | {"bagging_freq": 0}
