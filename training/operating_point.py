"""The frontier of out-of-fold estimates, and the point on it that an objective picks. Validation data only.

A chosen point is a point estimate on validation data, and the manifest says so beside it; `training.promised_point`
chooses points with a bound.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from router.errors import InputError
from router.objective import BEST, CHEAPEST, choose
from router.policy import Sweep, write_value
from router.routes import Route

GRID = 241


@dataclass(frozen=True)
class Objective:
    """What the operating point is chosen for: `value_usd` where it is set, else `max_usd`, else `floor`.

    `floor` is the least accuracy for the lowest cost per correct answer: a number, or `within EPS of ROUTE`, where
    ROUTE may be `best` (the best single route). `max_usd` is the most that a request may cost in the mean. `value_usd`
    is what a correct answer is worth. With a `confidence` the floor, or the ceiling of USD, is a promise; `draws` of it
    are simulated to see whether it holds.
    """

    floor: str | None = "within 0.01 of best"
    max_usd: float | None = None
    value_usd: float | None = None
    confidence: float | None = None
    draws: int = 0

    @property
    def name(self) -> str:
        if self.value_usd is not None:
            return f"value of ${self.value_usd:g} per correct answer"
        if self.max_usd is not None:
            return f"highest accuracy at a mean of at most ${self.max_usd:g} per request"
        return f"lowest cost per correct answer with accuracy {self.floor}"


def check_objective(objective: Objective, routes: tuple[Route, ...], correct: np.ndarray) -> None:
    """Refuse, before anything is trained, what no training could make right. Raises InputError."""
    confidence = objective.confidence
    if confidence is not None and not 0.5 <= confidence < 1:
        raise InputError("confidence", confidence, "not a confidence", "Use 0.95; 0 for a point estimate.")
    for name, usd in (("max-usd", objective.max_usd), ("value", objective.value_usd)):
        if usd is not None and not (math.isfinite(usd) and usd >= 0):
            raise InputError(name, usd, "not an amount", "Give USD of 0 or more.")
    if objective.value_usd is None and objective.max_usd is None:
        accuracy_floor(objective.floor or "0", routes, correct)


def sweep_values(p: np.ndarray, usd: np.ndarray) -> np.ndarray:
    """Values of a correct answer, ascending, between which decisions change: 0, a geometric grid, infinity."""
    gains = np.abs(p[:, :, None] - p[:, None, :])
    costs = np.abs(usd[:, :, None] - usd[:, None, :])
    prices = costs[gains > 1e-9] / gains[gains > 1e-9]
    prices = prices[prices > 0]
    if not len(prices):
        return np.array([CHEAPEST, 1.0, BEST])
    low, high = np.quantile(prices, [0.001, 0.999])
    return np.r_[CHEAPEST, np.geomspace(low / 2, max(high, low) * 2, GRID), BEST]


def sweep(
    p: np.ndarray, usd: np.ndarray, correct: np.ndarray, paid: np.ndarray, counted: np.ndarray | None = None
) -> Sweep:
    """What each value costs and reaches: decided on the estimates (as they are `counted`, where that differs), counted
    on the labels.

    Cells without a label count with their estimate, so that queries that were not run on every route still count.
    """
    values = sweep_values(p[:2000], usd[:2000])
    right = np.where(np.isnan(correct), p, correct)
    bill = np.where(np.isnan(paid), usd, paid)
    rows = np.arange(len(p))
    picks = [choose(p if counted is None else counted, usd, value) for value in values]
    return Sweep(values, *(np.array([one[rows, pick].mean() for pick in picks]) for one in (bill, right, usd, p)))


def operating_point(
    found: Sweep, objective: Objective, routes: tuple[Route, ...], correct: np.ndarray
) -> dict[str, Any]:
    """The value that the objective picks on the sweep, as the manifest tells it. Raises InputError."""
    if objective.value_usd is not None:
        at = int(np.searchsorted(found.values, objective.value_usd).clip(0, len(found.values) - 1))
        return _told(found, at, objective, objective.value_usd, None)
    if objective.max_usd is not None:
        fits = np.flatnonzero(found.usd <= objective.max_usd)
        if not len(fits):
            cure = f"The cheapest point costs ${found.usd.min():.6g} per request."
            raise InputError("max-usd", objective.max_usd, "no operating point is that cheap", cure)
        return _told(found, int(fits[np.argmax(found.accuracy[fits])]), objective, None, None)
    floor = accuracy_floor(objective.floor or "0", routes, correct)
    reached = np.flatnonzero(found.accuracy >= floor)
    if not len(reached):
        # say what is possible and take it: the promise with a bound is made elsewhere
        return _told(found, int(np.argmax(found.accuracy)), objective, None, floor)
    per_correct = found.usd[reached] / np.maximum(found.accuracy[reached], 1e-12)
    return _told(found, int(reached[np.argmin(per_correct)]), objective, None, floor)


def accuracy_floor(text: str, routes: tuple[Route, ...], correct: np.ndarray) -> float:
    """Read `0.8` or `within 0.01 of ROUTE` (ROUTE: model|effort, or best). Raises InputError naming the cure."""
    cure = 'Write a share such as 0.80, or "within 0.01 of best", or "within 0.01 of model|effort".'
    words = text.split()
    means = np.array([np.nan_to_num(np.nanmean(col)) if (~np.isnan(col)).any() else 0.0 for col in correct.T])
    try:
        if len(words) == 1:
            floor = float(words[0])
        elif len(words) == 4 and (words[0], words[2]) == ("within", "of"):
            names = {route.key: means[j] for j, route in enumerate(routes)} | {"best": means.max()}
            if words[3] not in names:
                raise InputError("floor", text, f"{words[3]} is not a route of the labels", cure)
            floor = names[words[3]] - float(words[1])
        else:
            raise ValueError(text)
    except ValueError as error:
        raise InputError("floor", text, "not a floor", cure) from error
    if not 0 <= floor <= 1 or not math.isfinite(floor):
        raise InputError("floor", text, "outside 0 to 1", cure)
    return float(floor)


def _told(found: Sweep, at: int, objective: Objective, value: float | None, floor: float | None) -> dict[str, Any]:
    value = float(found.values[at]) if value is None else value
    told: dict[str, Any] = {
        "objective": objective.name,
        "value_usd": write_value(value),
        "out_of_fold_usd": float(found.usd[at]),
        "out_of_fold_accuracy": float(found.accuracy[at]),
        "kind": "a point estimate on validation data, not a guarantee",
    }
    if floor is not None:
        told |= {"floor": floor, "floor_reached": bool(found.accuracy[at] >= floor)}
    return told
