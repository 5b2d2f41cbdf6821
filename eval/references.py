"""Policies to stand beside ours: each learned from training labels only, by the simplest means that is known to work.

A reference estimates P(correct) and USD per held-out query and route; sweeping the value of a correct answer over the
estimates draws its frontier. Held-out labels are read only to score the choices. Nothing here is ever served.
"""

from dataclasses import dataclass, field

import numpy as np
from sklearn.linear_model import RidgeCV

from eval.sweeps import Oracle, Sweep, sweep_of_picks, values_to_sweep
from router.errors import InputError
from router.labels import LabelMatrix

SHRINK = 10.0  # pseudo-labels of the overall mean added to a task's, or a neighbourhood's, mean
NEIGHBOURS = (10, 20, 40, 80, 160)
_ALPHAS = tuple(10.0**e for e in range(-1, 4))
_CHUNK = 1024


@dataclass(frozen=True)
class TrainingLabels:
    """What references learn from: outcomes, USD of every cell, and vectors where text may be used."""

    data: LabelMatrix
    costs: np.ndarray = field(repr=False)
    vectors: np.ndarray | None = field(repr=False, default=None)

    def aligned(self, held_out: LabelMatrix, held_out_costs: np.ndarray) -> "Learnt":
        """Columns in the held-out order of routes, and whole queries only where most are whole: partly labelled
        queries may have been selected by what the cheap route got wrong. A call that nobody priced costs what its
        route costs on average, in training or else held out: a reference that thinks a route free would be a
        rival too weak to learn from, and prices are no labels."""
        columns = {route: j for j, route in enumerate(self.data.routes)}
        missing = [route.key for route in held_out.routes if route not in columns]
        if missing:
            raise InputError("train", missing, "routes without training labels", "Train and judge on the same routes.")
        order = [columns[route] for route in held_out.routes]
        correct = self.data.correct[:, order]
        known = ~np.isnan(correct)
        whole = known.all(axis=1)
        rows = np.flatnonzero(whole if 2 * whole.sum() >= len(whole) else known.any(axis=1))
        usual = mean_known(self.costs[:, order], otherwise=held_out_costs.mean(axis=0))
        costs = np.where(np.isnan(self.costs[:, order]), usual, self.costs[:, order])
        costs = np.where(known, costs, np.nan)[rows]
        vectors = None if self.vectors is None else self.vectors[rows]
        return Learnt(tuple(self.data.tasks[i] for i in rows), correct[rows], costs, vectors)


@dataclass(frozen=True)
class Learnt:
    """Training labels in the columns of the held-out set; NaN where a query was not run on a route."""

    tasks: tuple[str | None, ...] = field(repr=False)
    correct: np.ndarray = field(repr=False)
    costs: np.ndarray = field(repr=False)
    vectors: np.ndarray | None = field(repr=False)

    @property
    def n(self) -> int:
        return len(self.tasks)

    @property
    def accuracy(self) -> np.ndarray:
        return mean_known(self.correct)

    @property
    def usd(self) -> np.ndarray:
        return mean_known(self.costs)


@dataclass(frozen=True)
class Guess:
    """What a reference believes of each held-out query and route."""

    p: np.ndarray = field(repr=False)
    usd: np.ndarray = field(repr=False)


def mean_known(cells: np.ndarray, otherwise: np.ndarray | float = 0.0) -> np.ndarray:
    """Column means over the cells that exist; `otherwise` for a column without any."""
    known = ~np.isnan(cells)
    means = np.where(known, cells, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known.any(axis=0), means, otherwise)


def guess_by_task(train: Learnt, tasks: tuple[str | None, ...]) -> Guess:
    """The table task -> mean outcome and cost per route, shrunk towards the overall mean."""
    overall = Guess(train.accuracy, train.usd)
    own = np.array([task or "" for task in train.tasks])
    table = {}
    for task in set(filter(None, tasks)) & set(own):
        rows = own == task
        table[task] = [_shrunk(train.correct[rows], overall.p), _shrunk(train.costs[rows], overall.usd)]
    found = [table.get(task or "", [overall.p, overall.usd]) for task in tasks]
    return Guess(np.array([one[0] for one in found]), np.array([one[1] for one in found]))


def _shrunk(cells: np.ndarray, towards: np.ndarray) -> np.ndarray:
    known = ~np.isnan(cells)
    return (np.where(known, cells, 0.0).sum(axis=0) + SHRINK * towards) / (known.sum(axis=0) + SHRINK)


def guess_by_neighbours(train: Learnt, vectors: np.ndarray) -> Guess:
    """Shrunk mean over the k most similar training queries; k is the one that predicts training rows best, each
    left out of its own neighbourhood."""
    assert train.vectors is not None
    most = min(max(NEIGHBOURS), train.n - 1)
    counts = sorted({min(k, most) for k in NEIGHBOURS} - {0})
    if not counts:
        return _same_for_all(train, len(vectors))
    others = _nearest(train.vectors, train.vectors, most, skip_self=True)
    guesses = [_neighbour_mean(train.correct, others[:, :k], train.accuracy) for k in counts]
    k = counts[int(np.argmin([np.nanmean((guess - train.correct) ** 2) for guess in guesses]))]
    near = _nearest(vectors, train.vectors, k)
    return Guess(*(_neighbour_mean(c, near, m) for c, m in ((train.correct, train.accuracy), (train.costs, train.usd))))


def _nearest(queries: np.ndarray, known: np.ndarray, k: int, skip_self: bool = False) -> np.ndarray:
    found = []
    for start in range(0, len(queries), _CHUNK):
        similar = queries[start : start + _CHUNK] @ known.T
        if skip_self:
            rows = np.arange(len(similar))
            similar[rows, start + rows] = -np.inf
        top = np.argpartition(-similar, min(k, similar.shape[1] - 1), axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(similar, top, axis=1), axis=1, kind="stable")
        found.append(np.take_along_axis(top, order, axis=1))
    return np.concatenate(found)


def _neighbour_mean(cells: np.ndarray, near: np.ndarray, towards: np.ndarray) -> np.ndarray:
    known = ~np.isnan(cells)
    filled = np.where(known, cells, 0.0)
    total, count = np.zeros((len(near), cells.shape[1])), np.zeros((len(near), cells.shape[1]))
    for column in near.T:
        total += filled[column]
        count += known[column]
    return (total + SHRINK * towards) / (count + SHRINK)


def guess_linear(train: Learnt, vectors: np.ndarray) -> Guess:
    """Ridge regression per route on the embedding, its penalty chosen by leave-one-out error; for USD likewise."""
    assert train.vectors is not None
    p, usd = (
        _ridge(train.vectors, cells, vectors, means)
        for cells, means in ((train.correct, train.accuracy), (train.costs, train.usd))
    )
    known = ~np.isnan(train.costs)
    least = np.where(known, train.costs, np.inf).min(axis=0)
    return Guess(np.clip(p, 0, 1), np.maximum(usd, np.where(np.isfinite(least), least, 0.0)))


def _ridge(known: np.ndarray, cells: np.ndarray, vectors: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Columns labelled on the same rows are solved together; one with nothing to learn keeps its mean."""
    found = np.tile(means, (len(vectors), 1))
    labelled = ~np.isnan(cells)
    masks, group = np.unique(labelled, axis=1, return_inverse=True)
    for g, rows in enumerate(masks.T):
        columns = [j for j in np.flatnonzero(group == g) if rows.sum() >= 10 and np.ptp(cells[rows, j]) > 0]
        if columns:
            target = cells[np.ix_(rows, columns)]
            scale = target.std(axis=0)  # USD are tiny numbers; the penalties are meant for targets of size one
            model = RidgeCV(alphas=_ALPHAS, alpha_per_target=True).fit(known[rows].astype(float), target / scale)
            found[:, columns] = model.predict(vectors.astype(float)).reshape(len(vectors), -1) * scale
    return found


def _same_for_all(train: Learnt, n: int) -> Guess:
    return Guess(np.tile(train.accuracy, (n, 1)), np.tile(train.usd, (n, 1)))


def sweep_guess(name: str, label: str, guess: Guess, correct: np.ndarray, costs: np.ndarray) -> Sweep:
    """Every value of a correct answer in turn; per query the route of the largest value x P(correct) - USD."""
    values = values_to_sweep(costs.mean(axis=0))
    picks = np.stack([np.argmax(value * guess.p - guess.usd, axis=1) for value in values], axis=1)
    return sweep_of_picks(name, label, picks, correct, costs)


def single_routes(data: LabelMatrix, costs: np.ndarray) -> Sweep:
    """Each route as a point; the hull over the points is the best static mix, chosen in hindsight."""
    picks = np.tile(np.arange(len(data.routes)), (data.n, 1))
    return sweep_of_picks("mix", "Static mix of single routes", picks, data.correct, costs)


def fixed_references(data: LabelMatrix, costs: np.ndarray, train: Learnt | None) -> list[Sweep]:
    """Always the cheapest, always the strongest (by training labels where there are any), any route at random."""
    usd, accuracy = (train.usd, train.accuracy) if train else (costs.mean(axis=0), data.correct.mean(axis=0))
    cheapest, strongest = int(np.argmin(usd)), int(np.lexsort((usd, -accuracy))[0])
    always = [
        sweep_of_picks(name, f"{label} ({data.routes[j].key})", np.full((data.n, 1), j), data.correct, costs)
        for name, label, j in (("cheapest", "Cheapest", cheapest), ("strongest", "Strongest", strongest))
    ]
    means = (cells.mean(axis=1, keepdims=True) for cells in (costs, data.correct))
    return [*always, Sweep("random", "Random route", *means)]


def learnt_references(data: LabelMatrix, costs: np.ndarray, train: Learnt, vectors: np.ndarray | None) -> list[Sweep]:
    """Task table where tasks are known; neighbours and linear model where vectors are."""
    guesses = []
    if any(data.tasks) and any(train.tasks):
        guesses.append(("task_mean", "Task-mean table", guess_by_task(train, data.tasks)))
    if vectors is not None and train.vectors is not None and train.n > 1:
        guesses.append(("knn", "Nearest-neighbour vote", guess_by_neighbours(train, vectors)))
        guesses.append(("linear", "Linear model", guess_linear(train, vectors)))
    return [sweep_guess(name, label, guess, data.correct, costs) for name, label, guess in guesses]


def oracle_sweep(data: LabelMatrix, costs: np.ndarray) -> Sweep:
    return Oracle(data.correct, costs).sweep(values_to_sweep(costs.mean(axis=0)))
