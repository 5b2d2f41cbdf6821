"""Models with few labels or none: which queries to label first, and what to believe before any label is there."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from router.catalog import USUAL_CALL
from router.errors import InputError, UnknownModelError, listed
from router.estimate.estimators import Estimator
from router.estimate.members import expit, log_odds
from router.labels import CELL_COLUMNS, LabelMatrix
from router.prices import PriceBook
from router.routes import Route
from training.outcomes import BASE_PRIOR, Prior

ENOUGH, LEAST_ROUTES = 30, 3
# Slopes of log-odds over log price: dearer models are better, seldom by more than this per factor of e.
SLOPE_PRIOR, MOST_SLOPE = 2.0, 1.0
# As many routes as this say beforehand that a price tells little, and it never counts for more labels than that.
USUAL_ROUTES, MOST_LABELS = 1.0, 100.0
DESIGN_PRIOR = 1.0


def with_unlabelled(data: LabelMatrix, routes: Sequence[Route]) -> LabelMatrix:
    """The same labels with columns of nothing for routes that nobody has run yet. Raises InputError for known ones."""
    known = [route.key for route in routes if route in data.routes]
    if known:
        raise InputError(
            "route", known, "the label set has labels of it already", "Leave it out: it is learned anyway."
        )
    every = tuple(sorted((*data.routes, *routes)))
    columns = [every.index(route) for route in data.routes]

    def widened(cells: np.ndarray) -> np.ndarray:
        wide = np.full((data.n, len(every), *cells.shape[2:]), np.nan)
        wide[:, columns] = cells
        return wide

    cells: dict[str, Any] = {name: widened(getattr(data, name)) for name in CELL_COLUMNS}
    answers = None if data.answers is None else widened(data.answers)
    weight = None if data.weight is None else np.nan_to_num(widened(data.weight), nan=1.0)
    return replace(data, routes=every, answers=answers, weight=weight, **cells)


def choose_routes(data: LabelMatrix, unlabelled: Sequence[Route], without: Sequence[str]) -> LabelMatrix:
    """The label set with routes nobody has run yet, and without retired models or routes. Raises InputError."""
    for name in without:
        if not any(name in (route.model, route.key) for route in data.routes):
            cure = f"There are: {listed([route.key for route in data.routes])}."
            raise InputError("without", name, "no labelled model or route of that name", cure)
    kept = [route for route in data.routes if route.model not in without and route.key not in without]
    if not kept:
        raise InputError("without", list(without), "no route would be left", "Retire fewer.")
    data = data.with_routes(kept) if without else data
    return with_unlabelled(data, unlabelled) if unlabelled else data


def base_prior(data: LabelMatrix, book: PriceBook, at: datetime) -> Prior | None:
    """What to draw each route's mean to before its labels speak, of a label set in memory."""
    known = ~np.isnan(data.correct)
    right = np.where(known, data.correct, 0.0).sum(axis=0)
    return prior_of(data.routes, known.sum(axis=0), right, float(np.nansum(data.correct)), book, at)


def prior_of(
    routes: tuple[Route, ...], counts: np.ndarray, right: np.ndarray, all_right: float, book: PriceBook, at: datetime
) -> Prior | None:
    """What to draw each route's mean to before its labels speak: what routes of its price reach. `counts` and
    `right` (R,) are each route's labels and right answers, `all_right` those of all routes.

    None where every route has labels enough to speak for itself.

    A line through log-odds over the logarithm of a usual call's price, of the routes with labels enough; all routes'
    mean where there are too few of these, or a route has no price. It counts as many labels as make its own error: the
    variance of a label over that of routes around the line (empirical Bayes, by moments).
    """
    if (counts >= ENOUGH).all():
        return None
    overall = np.full(len(routes), (all_right + 0.5) / (counts.sum() + 1.0))
    prices = np.array([_log_price(route, book, at) for route in routes])
    use = (counts >= ENOUGH) & np.isfinite(prices)
    if use.sum() < LEAST_ROUTES:
        return Prior(overall)
    means = right[use] / counts[use]
    said = _by_price(prices[use], log_odds(means), prices)
    return Prior(np.where(np.isfinite(prices), said, overall), _firmness(prices[use], means))


def _by_price(prices: np.ndarray, reached: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """P(correct) at the prices `asked`, by the line through what routes `reached` in log-odds."""
    x = prices - prices.mean()
    slope = float(np.clip((x * (reached - reached.mean())).sum() / ((x**2).sum() + SLOPE_PRIOR), 0.0, MOST_SLOPE))
    return expit(reached.mean() + slope * (asked - prices.mean()))


def _firmness(prices: np.ndarray, means: np.ndarray) -> float:
    """How many labels the line is worth: each route is foretold from the others. Few routes tell little of that, so
    the usual number speaks with them."""
    off = []
    for one in range(len(prices)):
        others = np.arange(len(prices)) != one
        off.append(float(means[one] - _by_price(prices[others], log_odds(means[others]), prices[[one]])[0]))
    variance = float((means * (1 - means)).mean())
    usual = variance / BASE_PRIOR
    spread = (np.square(off).sum() + USUAL_ROUTES * usual) / (len(off) + USUAL_ROUTES)
    return float(np.clip(variance / max(spread, 1e-9), BASE_PRIOR, MOST_LABELS))


def _log_price(route: Route, book: PriceBook, at: datetime) -> float:
    try:
        price = float(book.usd(route, USUAL_CALL, at))
    except UnknownModelError:
        return float("nan")
    return float(np.log(price)) if price > 0 else float("nan")


def most_telling(estimator: Estimator, texts: Sequence[str], vectors: np.ndarray, count: int) -> np.ndarray:
    """Rows of the queries to label first, the most telling first: a greedy D-optimal design.

    Each next query is the one about which a linear model of (difficulty, embedding axes) knows least, given those
    before it: so they cover easy and hard, and every corner of the embedding.
    """
    rows = estimator.representation.rows(texts, vectors)
    views = [estimator.members.views(row, None) for row in rows]
    level = np.array([(view.table + view.linear + view.look.wide).mean() for view in views])
    seen = np.column_stack([level, np.stack([row.axes for row in rows])])
    spread = seen.std(axis=0)
    design = np.column_stack([np.ones(len(rows)), (seen - seen.mean(axis=0)) / np.where(spread > 0, spread, 1.0)])
    inverse = np.eye(design.shape[1]) / DESIGN_PRIOR
    left = np.ones(len(rows), dtype=bool)
    chosen = []
    for _ in range(min(count, len(rows))):
        doubt = np.where(left, ((design @ inverse) * design).sum(axis=1), -np.inf)
        pick = int(doubt.argmax())
        chosen.append(pick)
        left[pick] = False
        step = inverse @ design[pick]
        inverse -= np.outer(step, step) / (1.0 + doubt[pick])
    return np.array(chosen, dtype=np.int64)
