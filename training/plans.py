"""Fits what plans need, and judges them out of fold against single routes: is a cascade worth its calls?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from router.catalog import RouteSpec
from router.labels import LabelMatrix
from router.objective import choose
from router.plans.answer_evidence import SIGNALS, AnswerEvidence
from router.plans.replay import bins_of, play
from router.policy import Sweep
from router.routes import Route
from training.answer_evidence import Seen, fit_answer_evidence, label_signals, read_seen, samples_told

POINTS, DRAWS = 41, 400
# Queries that plans are fitted to and judged on: a few numbers per route need no more.
MOST_JUDGED = 2000
# The middle of the frontier: spends between these shares of the way from the cheapest to the dearest route.
MIDDLE = (0.25, 0.75)
# Signals that are left out where plans do better without them: lengths mean other things in other families.
DOUBTFUL = ("output_tokens",)


@dataclass(frozen=True)
class FittedPlans:
    """The evidence model, the plans' operating points with what each cost and reached out of fold, and the verdict."""

    evidence: AnswerEvidence
    sweep: Sweep
    report: dict[str, Any]


def fit_plans(
    data: LabelMatrix,
    p: np.ndarray,
    usd: np.ndarray,
    paid: np.ndarray,
    values: np.ndarray,
    specs: Mapping[Route, RouteSpec],
    seed: int,
) -> FittedPlans | None:
    """None where the labels carry no evidence that varies, or too few of it. All arrays are (n, R) and out of fold."""
    if len(data.routes) < 2 or np.isnan(label_signals(data)).all():
        return None
    if data.n > MOST_JUDGED:
        some = np.sort(np.random.default_rng(seed).choice(data.n, MOST_JUDGED, replace=False))
        data, p, usd, paid = data.subset(some), p[some], usd[some], paid[some]
    calls = _calls(data, specs)
    spread = np.unique(values[np.linspace(0, len(values) - 1, POINTS).astype(int)])
    right = np.where(np.isnan(data.correct), p, data.correct)
    bill = np.where(np.isnan(paid), usd, paid)
    single = _singles(p, usd, values, right, bill)
    best: FittedPlans | None = None
    for seen in _candidates(read_seen(data, p)):
        evidence = fit_answer_evidence(seen, calls)
        if not evidence.known.any():
            continue
        plans = _play_held_out(seen, calls, usd, spread, data.folds(5, seed), right, bill)
        found = Sweep(spread, *plans.mean(axis=1))
        one = FittedPlans(evidence, found, _report(data, seen, evidence, plans[:2], single, seed))
        key = "accuracy_gain_at_equal_usd"
        if best is None or one.report[key] > best.report[key]:
            best = one
    return best


def _candidates(seen: Seen) -> list[Seen]:
    """All signals, then all but the doubtful ones; where only doubtful ones were observed, those."""
    fewer = np.array(seen.signals)
    fewer[:, :, [SIGNALS.index(name) for name in DOUBTFUL]] = np.nan
    same = np.isnan(fewer).all() or np.array_equal(fewer, seen.signals, equal_nan=True)
    return [seen] if same else [seen, Seen(fewer, seen.correct, seen.p)]


def _calls(data: LabelMatrix, specs: Mapping[Route, RouteSpec]) -> np.ndarray:
    """Calls that looking takes: the routes file's `samples`, else the samples that the agreement was counted over."""
    told = samples_told(data)
    return np.array([specs[route].samples or told[j] for j, route in enumerate(data.routes)], dtype=float)


def _play_held_out(
    seen: Seen,
    calls: np.ndarray,
    usd: np.ndarray,
    values: np.ndarray,
    folds: np.ndarray,
    right: np.ndarray,
    bill: np.ndarray,
) -> np.ndarray:
    """USD and correctness, as billed and labelled and as expected, (4, n, V), of plans whose evidence model never saw
    the row's fold."""
    found = np.empty((4, len(usd), len(values)))
    for fold in np.unique(folds):
        held = np.flatnonzero(folds == fold)
        rest = np.flatnonzero(folds != fold)
        evidence = fit_answer_evidence(seen.subset(rest if len(rest) else held), calls)
        bins = bins_of(evidence, seen.signals[held])
        for at, value in enumerate(values):
            played = play(evidence, seen.p[held], usd[held], value, bins)
            found[0, held, at] = played.paid(bill[held])
            found[1, held, at] = right[held, played.answering]
            found[2, held, at], found[3, held, at] = played.paid(usd[held]), played.believed
    return found


def _singles(p: np.ndarray, usd: np.ndarray, values: np.ndarray, right: np.ndarray, bill: np.ndarray) -> np.ndarray:
    rows = np.arange(len(p))
    picks = [choose(p, usd, value) for value in values]
    return np.stack([[bill[rows, pick] for pick in picks], [right[rows, pick] for pick in picks]]).transpose(0, 2, 1)


def _report(
    data: LabelMatrix, seen: Seen, evidence: AnswerEvidence, plans: np.ndarray, single: np.ndarray, seed: int
) -> dict[str, Any]:
    """Mean gain in accuracy at equal spend over the middle of the frontier, groups resampled whole."""
    _, group = np.unique(data.groups, return_inverse=True)
    rng = np.random.default_rng(seed)
    gain = _gain(plans, single, np.ones(len(group)))
    draws = []
    for _ in range(DRAWS):
        weight = np.bincount(rng.integers(0, group.max() + 1, group.max() + 1), minlength=group.max() + 1)
        if weight[group].any():
            draws.append(_gain(plans, single, weight[group].astype(float)))
    low, high = np.quantile(draws, [0.025, 0.975])
    return {
        "signals": [name for k, name in enumerate(SIGNALS) if not np.isnan(seen.signals[:, :, k]).all()],
        "routes": [route.key for j, route in enumerate(data.routes) if evidence.known[j]],
        "calls_to_look": {route.key: float(evidence.calls[j]) for j, route in enumerate(data.routes)},
        "accuracy_gain_at_equal_usd": gain,
        "interval": [float(low), float(high)],
        "worth_it": bool(low > 0),
    }


def _gain(plans: np.ndarray, single: np.ndarray, weight: np.ndarray) -> float:
    usd, right = np.average(plans, axis=1, weights=weight)
    usd_single, right_single = np.average(single, axis=1, weights=weight)
    low, high = usd_single.min(), usd_single.max()
    grid = low + (high - low) * np.linspace(*MIDDLE, 21)
    return float((_reached(usd, right, grid) - _reached(usd_single, right_single, grid)).mean())


def _reached(usd: np.ndarray, right: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """The most accuracy that each spend reaches, mixing neighbouring points."""
    order = np.argsort(usd, kind="stable")
    return np.interp(grid, usd[order], np.maximum.accumulate(right[order]))
