"""What a new model's labels are worth: the regret of knowing it by few, against knowing it by all.

`python -m training regret` hides a known route's labels, asks for the most telling ones as `training ask` would, trains
on 0, 20, 50 and 200 of them, and judges every training on the held-out part against the one that saw them all.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from router.catalog import read_routes_file
from router.console import stage_progress
from router.costs import billed_usd, expected_usd
from router.embedding_cache import embed_cached
from router.encoders import Encoder, load_encoder
from router.errors import InputError, listed
from router.estimate.linear_algebra import one_blas_thread
from router.labels import CELL_COLUMNS, LabelMatrix, read_labels
from router.moments import parse_moment
from router.objective import choose
from router.prices import PriceBook
from router.regret_curve import Regret, RegretCurve
from router.routes import Route
from router.settings import Settings
from training.estimators import fit_estimator
from training.new_models import base_prior, most_telling
from training.pricing import price_routes

COUNTS = (0, 20, 50, 200)
VALUES, DRAWS = 12, 1000


@dataclass(frozen=True)
class Parts:
    """Labels to learn from and held-out ones, each with vectors, and the prices of a moment."""

    train: LabelMatrix
    train_vectors: np.ndarray
    test: LabelMatrix
    test_vectors: np.ndarray
    book: PriceBook
    at: datetime


def regret_curve(
    parts: Parts, route: Route, counts: Sequence[int], seed: int, progress: Callable[[str, float], None]
) -> list[Regret]:
    """One row per count. Raises InputError for a route without labels."""
    if route not in parts.train.routes:
        cure = f"There are: {listed([one.key for one in parts.train.routes])}."
        raise InputError("route", route.key, "no labels of it to hide", cure)
    column = parts.train.routes.index(route)
    known = np.flatnonzero(~np.isnan(parts.train.correct[:, column]))
    others = parts.train.with_routes([one for one in parts.train.routes if one != route])
    base = fit_estimator(others, parts.train_vectors, seed=seed).estimator
    asked = most_telling(base, others.texts, parts.train_vectors, others.n)
    asked = asked[np.isin(asked, known)]
    whole = ~np.isnan(parts.test.correct).any(axis=1)
    full, usd = _believed(parts, parts.train, seed)
    bill = billed_usd(parts.test, parts.book, usd, parts.at)
    values = np.geomspace(2 * bill[whole].mean(axis=0).min(), 30 * bill[whole].mean(axis=0).max(), VALUES)
    best, rows = _worth(full[whole], usd[whole], parts.test.correct[whole], bill[whole], values), []
    for done, count in enumerate(counts):
        progress(f"{count} labels", (done + 1) / (len(counts) + 1))
        p, _ = _believed(parts, _hidden(parts.train, column, asked[:count]), seed)
        lost = best - _worth(p[whole], usd[whole], parts.test.correct[whole], bill[whole], values)
        draws = np.random.default_rng(seed).choice(lost, (DRAWS, len(lost))).mean(axis=1)
        low, high = np.quantile(draws, [0.025, 0.975])
        true = float(np.nanmean(parts.test.correct[:, column]))
        rows.append(Regret(min(count, len(asked)), float(lost.mean()), low, high, float(p[:, column].mean()), true))
    return rows


def _believed(parts: Parts, train: LabelMatrix, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """P(correct) and expected USD (n, R) of the held-out queries, by a training on these labels."""
    prior = base_prior(train, parts.book, parts.at)
    fitted = fit_estimator(train, parts.train_vectors, seed=seed, prior=prior).estimator
    test = parts.test
    found = fitted.predict(test.texts, parts.test_vectors, [None] * test.n, test.context_chars)
    return found.p, expected_usd(found, train.routes, parts.book, parts.at)


def _worth(p: np.ndarray, usd: np.ndarray, correct: np.ndarray, bill: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Correct answers per query, net of what was paid, the mean over values of a correct answer, (n,)."""
    rows = np.arange(len(p))
    picks = [(value, choose(p, usd, float(value))) for value in values]
    return np.mean([correct[rows, pick] - bill[rows, pick] / value for value, pick in picks], axis=0)


def _hidden(data: LabelMatrix, column: int, kept: np.ndarray) -> LabelMatrix:
    """The labels with one route's cells gone but for these rows."""
    gone = np.ones(data.n, dtype=bool)
    gone[kept] = False
    cells: dict[str, Any] = {name: getattr(data, name).copy() for name in CELL_COLUMNS}
    for cell in cells.values():
        cell[gone, column] = np.nan
    return replace(data, **cells)


def add_regret(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "regret", help="what a new model's labels are worth: hide a known one and learn it anew"
    )
    parser.add_argument("--labels", type=Path, required=True, help="label set with a train and a test part")
    parser.add_argument("--route", required=True, help="the route to hide, model|effort")
    parser.add_argument("--counts", type=int, nargs="+", default=list(COUNTS), help="labels to learn it from")
    parser.add_argument("--routes", type=Path, help="routes file (TOML)")
    parser.add_argument("--at", help="the moment whose prices count (ISO 8601; default: now)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="where to write the curve (JSON)")
    parser.set_defaults(command=_regret)


def _regret(arguments: argparse.Namespace) -> None:
    if min(arguments.counts) < 0:
        raise InputError("counts", min(arguments.counts), "fewer labels than none", "Use 0 20 50 200.")
    settings, route = Settings(), Route.parse(arguments.route)
    with stage_progress() as progress:
        parts = _parts(arguments, load_encoder(settings), settings)
        with one_blas_thread():
            rows = regret_curve(parts, route, arguments.counts, arguments.seed, progress)
    RegretCurve(route.key, str(arguments.labels), parts.test.n, arguments.seed, tuple(rows)).write(arguments.out)
    print(
        f"{route.key}: correct answers lost per request against all of its labels, on {parts.test.n} held-out queries"
    )
    for one in rows:
        print(
            f"{one.labels:6d} labels  {one.regret:+.4f} [{one.low:+.4f}, {one.high:+.4f}]"
            f"   believed {one.believed:.3f} correct, true {one.true:.3f}"
        )
    print(f"Curve: {arguments.out}. Next: draw it with python -m eval frontier … --regret {arguments.out}")


def _parts(arguments: argparse.Namespace, encoder: Encoder, settings: Settings) -> Parts:
    data, at = read_labels(arguments.labels), parse_moment(arguments.at)
    train, test = data.part("train"), data.part("test")
    book = price_routes(train, read_routes_file(arguments.routes) if arguments.routes else {}, at).book
    cache = settings.models_dir / "embeddings"
    vectors = [embed_cached(encoder, part.texts, cache) for part in (train, test)]
    return Parts(train, vectors[0], test, vectors[1], book, at)
