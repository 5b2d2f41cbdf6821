"""One training, from label set to policy folder. Reads like the flow: read, price, check, teach, choose, write.

A label set larger than memory streams: all of its labels teach, and a part of its queries, kept in memory, judges.
"""

import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from router.catalog import RouteSpec, read_routes_file
from router.costs import billed_usd, dearest_call, expected_usd
from router.embedding_cache import embed_cached
from router.encoders import Encoder, load_encoder
from router.estimate.linear_algebra import one_blas_thread
from router.labels import LabelMatrix, SplitBy
from router.objective import weighed
from router.operating_points import read_value
from router.plans.files import write_plans
from router.policy import ESTIMATOR_FOLDER, ROUTES_FILE, SWEEP_FILE, TRAINED_ON_FILE, Sweep
from router.policy_files import write_folder
from router.prices import now
from router.routes import Route
from router.settings import Settings
from training.boosting import boosting
from training.checks import twin_notes
from training.estimators import FittedEstimator
from training.large_labels import MOST_LABELS, outgrows, read_bounded
from training.new_models import choose_routes
from training.operating_point import Objective, check_objective, operating_point, sweep
from training.plans import FittedPlans, fit_plans
from training.pricing import PricedRoutes, price_routes
from training.promised_point import promised_point
from training.sorted_labels import SortedLabels, sort_labels
from training.taught import Taught, teach
from training.unlike import choose_caution

Progress = Callable[[str, float], None]
LIBRARIES = ("lightgbm", "scikit-learn", "numpy", "genai-prices", "sentence-transformers", "tierwise")


@dataclass(frozen=True)
class FitOptions:
    """What a training is told. `at` is the moment whose prices the sweep and the operating point see; `unlabelled` are
    routes of the catalogue that nobody has run yet, `without` models or routes to retire; a Parquet file of more than
    `most_labels` rows streams; `dask` names the cluster that fits the trees, or how many local processes."""

    labels: Path
    out: Path
    routes: Path | None = None
    split_by: SplitBy = "query"
    objective: Objective = field(default_factory=Objective)
    seed: int = 0
    at: datetime = field(default_factory=now)
    simulated: bool = False
    unlabelled: tuple[Route, ...] = ()
    without: tuple[str, ...] = ()
    most_labels: int = MOST_LABELS
    dask: str | None = None


@dataclass(frozen=True)
class FitResult:
    """What a training made: the manifest as written, what it found, and the sweep."""

    manifest: dict[str, Any]
    notes: tuple[str, ...]
    sweep: Sweep
    data: LabelMatrix
    fitted: FittedEstimator


def fit(
    options: FitOptions,
    settings: Settings,
    progress: Progress = lambda stage, share: None,
    encoder: Encoder | None = None,
) -> FitResult:
    """Train a policy and write its folder. Raises TierwiseError before anything is written when the input is wrong."""
    progress("reading labels", 0.0)
    path, most, seed, by = options.labels, options.most_labels, options.seed, options.split_by
    # by time, what is kept would have to come after all that teaches: a part is kept and teaches alone
    if by == "time" or not outgrows(path, most):
        return _fit(options, settings, progress, encoder, read_bounded(path, by, most, seed), None)
    with sort_labels(path, most, seed, by, options.out) as large:
        return _fit(options, settings, progress, encoder, large.kept, large)


def _fit(
    options: FitOptions,
    settings: Settings,
    progress: Progress,
    encoder: Encoder | None,
    everything: LabelMatrix,
    large: SortedLabels | None,
) -> FitResult:
    """`everything` is what is in memory, whatever its split: the whole label set, or the kept part of a large one."""
    route_settings = read_routes_file(options.routes) if options.routes else {}
    train = large.trained(everything) if large else everything.part("train")
    data = choose_routes(train, options.unlabelled, options.without)
    check_objective(options.objective, data.routes, data.correct)
    priced = price_routes(data, route_settings, options.at)
    encoder = encoder or load_encoder(settings)

    def embed(part: LabelMatrix) -> np.ndarray:
        return _embed(encoder, part, settings, progress)

    with one_blas_thread(), boosting(options.dask) as boost:
        taught = teach(
            data,
            large,
            embed,
            seed=options.seed,
            book=priced.book,
            at=options.at,
            boost=boost,
            progress=progress,
        )
    fitted = taught.fitted
    notes = (*taught.notes, *_dask_notes(options, large), *priced.notes, *twin_notes(everything))
    usd = expected_usd(fitted.out_of_fold, data.routes, priced.book, options.at)
    paid = billed_usd(data, priced.book, usd, options.at)
    caution = _caution(fitted, options.objective, data, usd, paid)
    counted = weighed(fitted.out_of_fold.p, fitted.out_of_fold.unlike, caution["caution"])
    found = sweep(fitted.out_of_fold.p, usd, data.correct, paid, counted)
    progress("plans", 0.9)
    plans = fit_plans(data, fitted.out_of_fold.p, usd, paid, found.values, priced.specs, options.seed)
    most_usd = dearest_call(fitted.out_of_fold, data.routes, priced.book, options.at, paid)
    point = promised_point(
        found, options.objective, data.routes, counted, usd, data.correct, paid, most_usd, options.seed
    )
    facts = _manifest(options, encoder, data, taught, point, notes)
    facts |= {"plans": plans.report if plans else None, "unlike": caution}
    progress("writing policy", 1.0)
    manifest = write_folder(options.out, lambda folder: _fill(folder, facts, taught, priced, found, plans))
    return FitResult(manifest, notes, found, data, fitted)


def _dask_notes(options: FitOptions, large: SortedLabels | None) -> tuple[str, ...]:
    if large is None or options.dask is None:
        return ()
    return ("the trees of all labels were fitted here, part by part: --dask fitted those of the kept part alone",)


def _caution(
    fitted: FittedEstimator, objective: Objective, data: LabelMatrix, usd: np.ndarray, paid: np.ndarray
) -> dict[str, Any]:
    """The rule for requests unlike the labels, judged at the value that the objective would pick without it."""
    if fitted.left_out is None:
        return {"caution": 1.0}
    plain = sweep(fitted.out_of_fold.p, usd, data.correct, paid)
    value = read_value(operating_point(plain, objective, data.routes, data.correct)["value_usd"])
    return choose_caution(fitted.left_out, usd, data.correct, paid, value)


def _embed(encoder: Encoder, data: LabelMatrix, settings: Settings, progress: Progress) -> np.ndarray:
    folder = settings.models_dir / "embeddings"
    return embed_cached(
        encoder, data.texts, folder, lambda done, total: progress("embedding prompts", done / max(total, 1))
    )


def _manifest(
    options: FitOptions,
    encoder: Encoder,
    data: LabelMatrix,
    taught: Taught,
    point: Mapping[str, Any],
    notes: tuple[str, ...],
) -> dict[str, Any]:
    """Everything that says what this policy is. No clock time: the same labels and seed give the same bytes."""
    return {
        "routes": [route.key for route in data.routes],
        "encoder": encoder.identity.as_dict(),
        "operating_point": dict(point),
        "estimator": {k: v for k, v in taught.fitted.report.items() if not k.startswith("seconds")},
        "labels": {
            "digest": taught.digest,
            "queries": taught.queries,
            "labels": taught.labels,
            "split_by": options.split_by,
            "simulated": options.simulated,
        }
        | ({} if taught.queries == data.n else {"queries_that_judge": data.n}),
        "prices_at": options.at.date().isoformat(),
        "seed": options.seed,
        "notes": list(notes),
        "code": {name: _version(name) for name in LIBRARIES} | {"python": platform.python_version()},
    }


def _fill(
    folder: Path,
    facts: dict[str, Any],
    taught: Taught,
    priced: PricedRoutes,
    found: Sweep,
    plans: FittedPlans | None,
) -> dict[str, Any]:
    (folder / ESTIMATOR_FOLDER).mkdir()
    estimator = taught.fitted.estimator
    estimator.save(folder / ESTIMATOR_FOLDER)
    specs: list[RouteSpec] = [priced.specs[route] for route in estimator.routes]
    (folder / ROUTES_FILE).write_text(json.dumps([spec.as_dict() for spec in specs], indent=1))
    (folder / SWEEP_FILE).write_text(json.dumps(found.as_dict()))
    if plans is not None:
        write_plans(folder, estimator.routes, plans.evidence, plans.sweep)
    taught.write_texts(folder / TRAINED_ON_FILE)
    return facts


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
