"""One training, from label set to policy folder. Reads like the flow: read, price, check, embed, fit, choose, write."""

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
from router.policy import ESTIMATOR_FOLDER, ROUTES_FILE, SWEEP_FILE, TRAINED_ON_FILE, Sweep, text_digest
from router.policy_files import write_folder
from router.prices import now
from router.routes import Route
from router.settings import Settings
from training.checks import label_notes, twin_notes
from training.estimators import FittedEstimator, fit_estimator
from training.large_labels import MOST_LABELS, read_bounded
from training.new_models import base_prior, choose_routes
from training.operating_point import Objective, operating_point, sweep
from training.plans import FittedPlans, fit_plans
from training.pricing import PricedRoutes, price_routes
from training.promised_point import promised_point
from training.unlike import choose_caution

Progress = Callable[[str, float], None]
LIBRARIES = ("lightgbm", "scikit-learn", "numpy", "genai-prices", "sentence-transformers", "tierwise")


@dataclass(frozen=True)
class FitOptions:
    """What a training is told. `at` is the moment whose prices the sweep and the operating point see; `unlabelled` are
    routes of the catalogue that nobody has run yet, `without` models or routes to retire; of more than `most_labels`
    rows a part is kept."""

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
    route_settings = read_routes_file(options.routes) if options.routes else {}
    everything = read_bounded(options.labels, options.split_by, options.most_labels, options.seed)
    data = choose_routes(everything.part("train"), options.unlabelled, options.without)
    priced = price_routes(data, route_settings, options.at)
    encoder = encoder or load_encoder(settings)
    notes = (*label_notes(data), *priced.notes, *twin_notes(everything))
    vectors = _embed(encoder, data, settings, progress)
    with one_blas_thread():
        prior = base_prior(data, priced.book, options.at)
        fitted = fit_estimator(data, vectors, seed=options.seed, prior=prior, progress=progress)
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
    facts = _manifest(options, encoder, data, fitted, point, notes)
    facts |= {"plans": plans.report if plans else None, "unlike": caution}
    progress("writing policy", 1.0)
    manifest = write_folder(options.out, lambda folder: _fill(folder, facts, data, fitted, priced, found, plans))
    return FitResult(manifest, notes, found, data, fitted)


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
    fitted: FittedEstimator,
    point: Mapping[str, Any],
    notes: tuple[str, ...],
) -> dict[str, Any]:
    """Everything that says what this policy is. No clock time: the same labels and seed give the same bytes."""
    return {
        "routes": [route.key for route in data.routes],
        "encoder": encoder.identity.as_dict(),
        "operating_point": dict(point),
        "estimator": {k: v for k, v in fitted.report.items() if not k.startswith("seconds")},
        "labels": {
            "digest": data.digest(),
            "queries": data.n,
            "labels": int((~np.isnan(data.correct)).sum()),
            "split_by": options.split_by,
            "simulated": options.simulated,
        },
        "prices_at": options.at.date().isoformat(),
        "seed": options.seed,
        "notes": list(notes),
        "code": {name: _version(name) for name in LIBRARIES} | {"python": platform.python_version()},
    }


def _fill(
    folder: Path,
    facts: dict[str, Any],
    data: LabelMatrix,
    fitted: FittedEstimator,
    priced: PricedRoutes,
    found: Sweep,
    plans: FittedPlans | None,
) -> dict[str, Any]:
    (folder / ESTIMATOR_FOLDER).mkdir()
    fitted.estimator.save(folder / ESTIMATOR_FOLDER)
    specs: list[RouteSpec] = [priced.specs[route] for route in fitted.estimator.routes]
    (folder / ROUTES_FILE).write_text(json.dumps([spec.as_dict() for spec in specs], indent=1))
    (folder / SWEEP_FILE).write_text(json.dumps(found.as_dict()))
    if plans is not None:
        write_plans(folder, fitted.estimator.routes, plans.evidence, plans.sweep)
    (folder / TRAINED_ON_FILE).write_text("".join(f"{text_digest(text)}\n" for text in sorted(data.texts)))
    return facts


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
