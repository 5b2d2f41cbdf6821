"""The members of the estimator: four ways to turn a request into log-odds of a correct answer on every route.

`table`: the mean outcome of the request's task, or of the tasks it may belong to. `neighbours`: outcomes of similar
labelled requests. `linear`: ridge heads on the whole representation. `trees`: the LightGBM difficulty classifier, which
also reads what the other three say. Inference only.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from lightgbm import Booster

from router.estimate.features import FEATURE_NAMES
from router.estimate.neighbours import Look, Neighbours
from router.estimate.representation import RequestRow
from router.trees import Trees

MEMBERS = ("table", "neighbours", "linear", "trees")
LEAST, MOST = 0.01, 0.99
AXES, SHARED = 16, 5

TREE_FEATURES: tuple[str, ...] = (
    *FEATURE_NAMES,
    *(f"embedding_axis_{i}" for i in range(AXES)),
    "similarity",
    "mean_similarity",
    "neighbours_mean",
    "table_mean",
    "linear_mean",
    "neighbours_near",
    "neighbours_wide",
    "table_route",
    "linear_route",
    "route_log_odds",
    "model_log_odds",
    "effort_rank",
)


def log_odds(p: np.ndarray) -> np.ndarray:
    p = np.minimum(np.maximum(p, LEAST), MOST)
    return np.log(p / (1.0 - p))


def expit(z: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-z))


@dataclass(frozen=True)
class TaskTable:
    """Mean outcomes (T, R) per known task, and a classifier that reads the task off the request."""

    names: tuple[str, ...]
    means: np.ndarray
    heads: np.ndarray
    offset: np.ndarray
    sharpness: float

    def posterior(self, dense: np.ndarray) -> np.ndarray:
        scores = self.sharpness * (self.heads @ dense) + self.offset
        weight = np.exp(scores - scores.max())
        return weight / weight.sum()


@dataclass(frozen=True)
class Views:
    """One request seen by the first three members: residuals against the base rates, (R,) each."""

    look: Look
    table: np.ndarray
    linear: np.ndarray
    given_table: np.ndarray | None
    task: str | None


@dataclass(frozen=True)
class Members:
    """All members fitted to one label set. `route_facts` (R, 3): log-odds of route and model, effort rank or NaN."""

    base: np.ndarray
    linear: np.ndarray
    linear_offset: np.ndarray
    tasks: TaskTable
    neighbours: Neighbours
    route_facts: np.ndarray
    booster: Booster

    @cached_property
    def _trees(self) -> Trees:
        return Trees(self.booster)

    @cached_property
    def base_log_odds(self) -> np.ndarray:
        return log_odds(self.base)

    def views(self, row: RequestRow, task: str | None) -> Views:
        look = self.neighbours.look(row.vector)
        linear = self.linear @ row.dense + self.linear_offset
        names = self.tasks.names
        if not names:
            return Views(look, np.zeros(len(self.base)), linear, None, task)
        posterior = self.tasks.posterior(row.dense)
        given = self.tasks.means[names.index(task)] - self.base if task in names else None
        likeliest = task if task is not None else names[int(np.argmax(posterior))]
        return Views(look, posterior @ self.tasks.means - self.base, linear, given, likeliest)

    def log_odds(self, rows: list[RequestRow], views: list[Views]) -> np.ndarray:
        """(n, members, R). Where the task is given and known, `table` is that task's own mean."""
        tree_rows = [tree_features(row, view, self.route_facts) for row, view in zip(rows, views)]
        trees = self._trees.raw_scores(np.concatenate(tree_rows)).reshape(len(rows), len(self.base))
        out = np.empty((len(rows), len(MEMBERS), len(self.base)))
        for i, view in enumerate(views):
            out[i, 0] = view.table if view.given_table is None else view.given_table
            out[i, 1], out[i, 2] = view.look.wide, view.linear
            out[i, :-1] = log_odds(self.base + out[i, :-1])
            out[i, -1] = self.base_log_odds + trees[i]
        return out


def tree_features(row: RequestRow, view: Views, route_facts: np.ndarray) -> np.ndarray:
    """One row per route, columns as in TREE_FEATURES."""
    look = view.look
    axes = len(FEATURE_NAMES) + AXES
    out = np.zeros((len(route_facts), len(TREE_FEATURES)))
    out[:, : len(FEATURE_NAMES)] = row.named
    out[:, len(FEATURE_NAMES) : len(FEATURE_NAMES) + len(row.axes)] = row.axes
    own = np.array([look.near, look.wide, view.table, view.linear])
    means = own.sum(axis=1) / own.shape[1]
    out[:, axes : axes + SHARED] = (look.similarity, look.mean_similarity, *means[1:])
    out[:, axes + SHARED : axes + SHARED + len(own)] = own.T
    out[:, axes + SHARED + len(own) :] = route_facts
    return out
