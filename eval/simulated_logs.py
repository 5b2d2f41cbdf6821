"""Simulated logs whose truth is known: contexts, routes with a chance of being right, and three ways of logging.

Everything is made from a seed. The figures of `eval bench --only off-policy` come from here and are called simulated.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from router.off_policy.estimators import NAMES, Bandit, bandit_of, contributions
from router.off_policy.intervals import bernstein_interval, bootstrap_intervals, student_interval

Logging = Literal["uniform", "softmax", "epsilon-greedy"]
LOGGING: tuple[Logging, ...] = ("uniform", "softmax", "epsilon-greedy")
ROUTES, FEATURES, POPULATION = 5, 4, 50_000


@dataclass(frozen=True)
class World:
    """Chances of being right (N, R) for a population of requests, what a model believes of them (wrongly), the
    logging policy's probabilities, and the route that the target policy takes (N,)."""

    chance: np.ndarray = field(repr=False)
    model: np.ndarray = field(repr=False)
    logged: np.ndarray = field(repr=False)
    target: np.ndarray = field(repr=False)

    @property
    def truth(self) -> float:
        return float(self.chance[np.arange(len(self.target)), self.target].mean())

    def log(self, n: int, seed: int | tuple[int, int]) -> Bandit:
        """n logged requests with their outcomes, for estimating the target's value."""
        rng = np.random.default_rng(seed)
        rows = rng.integers(0, len(self.target), n)
        logged, chance = self.logged[rows], self.chance[rows]
        taken = (rng.random((n, 1)) > np.cumsum(logged, axis=1)).sum(axis=1).clip(0, ROUTES - 1)
        reward = (rng.random(n) < chance[np.arange(n), taken]).astype(float)
        return bandit_of(reward, taken, logged, np.eye(ROUTES)[self.target[rows]], self.model[rows])


def make_world(logging: Logging, seed: int = 0) -> World:
    """Chances from a logistic model; beliefs are biased and noisy, so that the direct method is wrong."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(POPULATION, FEATURES))
    score = features @ rng.normal(size=(FEATURES, ROUTES)) + np.linspace(-0.5, 1.0, ROUTES)
    believed = 0.6 * score + 0.5 + 0.7 * rng.normal(size=score.shape)
    chance, model = (1 / (1 + np.exp(-one)) for one in (score, believed))
    old = 0.5 * score + rng.normal(size=score.shape)
    target = (score + 0.8 * rng.normal(size=score.shape)).argmax(axis=1)
    return World(chance, model, _logging(logging, old), target)


def _logging(logging: Logging, old: np.ndarray) -> np.ndarray:
    if logging == "uniform":
        return np.full(old.shape, 1 / ROUTES)
    if logging == "softmax":
        weight = np.exp(old - old.max(axis=1, keepdims=True))
        return 0.95 * weight / weight.sum(axis=1, keepdims=True) + 0.05 / ROUTES
    return 0.8 * np.eye(ROUTES)[old.argmax(axis=1)] + 0.2 / ROUTES


@dataclass(frozen=True)
class CoverageFigure:
    """How often an estimator's 95 % intervals held the truth, NaN where it has none of a kind; with its bias and root
    mean squared error."""

    logging: str
    estimator: str
    student: float
    bootstrap: float
    bernstein: float
    bias: float
    error: float


def coverage(logging: Logging, repetitions: int = 500, n: int = 5_000, replicates: int = 999) -> list[CoverageFigure]:
    """Repeat logging and estimating; the range of contributions is known here, so Bernstein's interval is a bound.
    Without `replicates` nothing is resampled."""
    world = make_world(logging)
    least = float(world.logged.min())
    held = {name: np.zeros((repetitions, 3)) for name in NAMES}
    values = {name: np.zeros(repetitions) for name in NAMES}
    for i in range(repetitions):
        data = world.log(n, seed=(LOGGING.index(logging), i))
        made = [contributions(data, name) for name in NAMES]
        drawn = bootstrap_intervals(made, 0.05, replicates, i) if replicates else [(np.nan, np.nan)] * len(made)
        for name, one, near in zip(NAMES, made, drawn):
            spread = 1.0 if name == "DM" else 1 / least if name == "IPS" else 2 / least + 1
            intervals = student_interval(one), near, bernstein_interval(one, 0.05, spread)
            held[name][i] = [np.nan if low != low else low <= world.truth <= high for low, high in intervals]
            values[name][i] = one.value
    return [_figure(logging, name, held[name], values[name] - world.truth) for name in NAMES]


def _figure(logging: str, name: str, held: np.ndarray, off: np.ndarray) -> CoverageFigure:
    student, bootstrap, bernstein = map(float, held.mean(axis=0))
    return CoverageFigure(
        logging, name, student, bootstrap, bernstein, float(off.mean()), float(np.sqrt(np.mean(off**2)))
    )
