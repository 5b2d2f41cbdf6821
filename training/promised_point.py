"""The operating point that an objective with a confidence picks: promised, verified by simulation, told."""

from typing import Any

import numpy as np

from router.errors import InputError
from router.operating_points import Sweep, write_value
from router.routes import Route
from training.operating_point import Objective, accuracy_floor, operating_point
from training.promises import (
    Promise,
    ceiling_promise,
    decisions_at,
    floor_promise,
    keep,
    relative_promise,
    verify,
)

# Points of the sweep that are tested: a finer grid promises no more.
TESTED = 81
KIND = "a promise for requests like the labelled ones, calibrated on decisions that were made out of fold"


def promised_point(
    found: Sweep,
    objective: Objective,
    routes: tuple[Route, ...],
    p: np.ndarray,
    usd: np.ndarray,
    correct: np.ndarray,
    paid: np.ndarray,
    most_usd: float,
    seed: int,
) -> dict[str, Any]:
    """As `operating_point`, with a bound where the objective asks for one. All arrays are (n, R) and out of fold.

    `most_usd` bounds what one call can cost. Raises InputError where the labels cannot support the promise.
    """
    plain = operating_point(found, objective, routes, correct)
    if objective.confidence is None or objective.value_usd is not None:
        return plain
    tested = np.unique(np.linspace(0, len(found.values) - 1, TESTED).astype(int))
    thinned = found.rows(tested)
    decisions, rows = decisions_at(thinned, p, usd, correct, paid)
    if not len(rows):
        raise InputError("floor", objective.name, "no query is labelled on every route", "Label some on all routes.")
    promise = _promise(objective, routes, correct, rows, most_usd)
    at, told = keep(promise, decisions, seed)
    estimate = _estimate(plain, thinned)
    told |= {"price_of_certainty_usd": float(decisions.usd[:, at].mean() - decisions.usd[:, estimate].mean())}
    if objective.draws:
        told["verified"] = verify(promise, decisions, estimate, objective.draws, seed)
    return plain | {
        "value_usd": write_value(float(thinned.values[at])),
        "out_of_fold_usd": float(thinned.usd[at]),
        "out_of_fold_accuracy": float(thinned.accuracy[at]),
        "kind": KIND,
        **told,
    }


def _promise(
    objective: Objective, routes: tuple[Route, ...], correct: np.ndarray, rows: np.ndarray, most_usd: float
) -> Promise:
    confidence = objective.confidence or 0.0
    if objective.max_usd is not None:
        return ceiling_promise(objective.max_usd, max(most_usd, objective.max_usd), confidence)
    text = objective.floor or "0"
    words = text.split()
    if len(words) == 1:
        return floor_promise(accuracy_floor(text, routes, correct), confidence)
    means = correct[rows].mean(axis=0)
    column = int(means.argmax()) if words[3] == "best" else [route.key for route in routes].index(words[3])
    return relative_promise(routes[column].key, correct[rows, column], float(words[1]), confidence)


def _estimate(plain: dict[str, Any], thinned: Sweep) -> int:
    """The tested point nearest to the one without a promise: what certainty is priced against."""
    return int(np.abs(thinned.usd - plain["out_of_fold_usd"]).argmin())
