from dataclasses import replace

import numpy as np
import pytest

from router.catalog import build_specs
from router.labels import LabelMatrix, build_labels
from router.routes import Route
from training.plans import fit_plans
from training.simulate import simulate

VALUES = np.r_[0.0, np.geomspace(1e-4, 1.0, 30), np.inf]


@pytest.fixture(scope="module")
def data() -> LabelMatrix:
    found = build_labels(simulate(300, seed=1))
    return found.with_routes(found.routes[:4])


def fitted(data: LabelMatrix, agreement: np.ndarray, samples: int = 3):
    p = np.tile(np.nanmean(data.correct, axis=0), (data.n, 1))
    usd = np.tile(np.geomspace(0.0001, 0.01, 4), (data.n, 1))
    specs = {route: replace(spec, samples=samples) for route, spec in build_specs(data.routes).items()}
    silent = {"output_tokens": np.full(data.correct.shape, np.nan)}
    return fit_plans(replace(data, agreement=agreement, **silent), p, usd, usd, VALUES, specs, 0)


def test_evidence_that_tells_makes_plans_worth_it(data):
    plans = fitted(data, np.where(np.isnan(data.correct), np.nan, 0.2 + 0.6 * data.correct))
    assert plans is not None and plans.report["worth_it"] and plans.report["accuracy_gain_at_equal_usd"] > 0.02
    assert plans.report["calls_to_look"][data.routes[0].key] == 3


def test_evidence_that_tells_nothing_makes_them_not_worth_it(data):
    noise = np.random.default_rng(0).random(data.correct.shape)
    plans = fitted(data, noise)
    assert plans is not None and not plans.report["worth_it"]


def test_labels_without_evidence_make_no_plans(data):
    assert fitted(data, np.full(data.correct.shape, np.nan)) is None


def test_one_route_needs_no_plan(data):
    alone = data.with_routes(data.routes[:1])
    p = np.full((data.n, 1), 0.5)
    specs = build_specs([Route("gpt-4o", "none"), *alone.routes])
    assert fit_plans(alone, p, p, p, VALUES, specs, 0) is None
