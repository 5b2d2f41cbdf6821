"""Fits the estimator to a label set: members, their blend, calibration, evidence and usage, all judged out of fold.

Every query is predicted by members that never saw its group; where tasks are named, once more by members that never saw
its task, which shows what requests of unknown families get. The representation's constants come from all texts, since
they see no outcome.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from router.estimate.estimators import Estimates, Estimator
from router.estimate.members import MEMBERS, TREE_FEATURES, Members
from router.estimate.representation import Representation
from router.labels import LabelMatrix
from training.blend import Said
from training.boosting import Boost, boost_here
from training.evidence import calibration_report
from training.judging import LEAST_TASKS, HeldOut, Judged, ask, judge
from training.members import Examples, fit_members
from training.outcomes import Prior, read_outcomes
from training.representation import fit_representation
from training.unlike import LeftOut
from training.usage import SMALLEST_SECONDS, SMALLEST_TOKENS, FittedAmounts, FittedUsage, fit_amounts, fit_input_tokens

FOLDS, INNER_FOLDS = 5, 5
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class FittedEstimator:
    """A fitted estimator, its honest out-of-fold estimates, and what the fit has to tell; estimates of tasks left out
    whole, where tasks are named."""

    estimator: Estimator
    out_of_fold: Estimates
    report: dict[str, Any]
    left_out: LeftOut | None = None


def fit_estimator(
    data: LabelMatrix,
    vectors: np.ndarray,
    *,
    seed: int = 0,
    prior: Prior | None = None,
    boost: Boost = boost_here,
    progress: Progress = lambda stage, share: None,
) -> FittedEstimator:
    """Fit to (query × route) outcomes; vectors (n, d) are the texts' embeddings. Deterministic for a seed.

    `prior`: what to believe of each route's mean before its labels speak; `boost` fits the trees, here or elsewhere.
    """
    started = time.perf_counter()
    progress("representation", 0.0)
    representation = fit_representation(data.texts, vectors, seed)
    rows = tuple(representation.rows(data.texts, vectors))
    outcomes = read_outcomes(data.correct, prior, data.weight)
    examples = Examples(rows, data.tasks, data.groups, outcomes, data.routes, data.query_ids)
    folds = data.folds(FOLDS, seed)
    own = hold_out(examples, folds, data.groups, seed, boost, lambda share: progress("out of fold", 0.1 + 0.4 * share))
    other = other_pass(data, examples, seed, boost, lambda share: progress("other folds", 0.5 + 0.3 * share))
    progress("blend", 0.8)
    judged = judge(data, own, other)
    members, explained = fit_members(examples, _inner_folds(examples, seed), seed, boost)
    progress("usage", 0.9)
    dense = np.stack([row.dense for row in rows])
    used = FittedUsage(
        fit_input_tokens(data.input_tokens, data.context_chars),
        fit_amounts(dense, data.output_tokens, folds, SMALLEST_TOKENS, assumed=True),
        fit_amounts(dense, data.latency_s, folds, SMALLEST_SECONDS, assumed=False),
    )
    fitted = assemble(data, representation, members, judged, used, explained, seed)
    fitted.report["seconds"] = time.perf_counter() - started
    progress("estimator", 1.0)
    return fitted


def assemble(
    data: LabelMatrix,
    representation: Representation,
    members: Members,
    judged: Judged,
    used: FittedUsage,
    explained: dict[str, float],
    seed: int,
) -> FittedEstimator:
    """The estimator of its parts, and its estimates of the rows that judged them."""
    usage, evidence, drift = used.usage, judged.evidence, judged.drift
    estimator = Estimator(data.routes, representation, members, judged.blends, evidence, usage, drift)
    bounds = [evidence.interval(one, float(u), drift) for one, u in zip(judged.p, judged.unlike)]
    estimates = Estimates(
        p=judged.p,
        p_low=np.stack([low for low, _ in bounds]),
        p_high=np.stack([high for _, high in bounds]),
        input_tokens=np.stack([usage.input_tokens.estimate(float(chars)) for chars in data.context_chars]),
        output_tokens=used.tokens.mean,
        output_tokens_high=used.tokens.high,
        seconds=used.seconds.mean,
        unlike=judged.unlike,
        task=judged.tasks,
    )
    report = _report(data, estimates, judged, members, explained, used.tokens, seed)
    return FittedEstimator(estimator, estimates, report, judged.left_out)


def _inner_folds(examples: Examples, seed: int) -> np.ndarray:
    """Folds within a training part, groups whole and sizes even."""
    return even_folds(examples.groups, INNER_FOLDS, seed + 1)


def even_folds(groups: np.ndarray, k: int, seed: int) -> np.ndarray:
    """The largest groups first, each into the emptiest of at most k folds."""
    _, group = np.unique(groups, return_inverse=True)
    sizes = np.bincount(group)
    k = max(1, min(k, len(sizes)))
    filled, fold = np.zeros(k), np.zeros(len(sizes), dtype=np.int64)
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    for one in sorted(shuffled, key=lambda g: -sizes[g]):
        fold[one] = int(np.argmin(filled))
        filled[fold[one]] += sizes[one]
    return fold[group]


def other_pass(
    data: LabelMatrix, examples: Examples, seed: int, boost: Boost, progress: Callable[[float], None]
) -> HeldOut | None:
    """Held out by the grouping that the label set did not ask for: by task if it asked for queries, and the reverse.

    Both are needed to tell how a request of a known task fares from how one of an unknown task does. None where too
    few tasks are named to learn from.
    """
    names = sorted({task for task in data.tasks if task is not None})
    if len(names) < LEAST_TASKS or len(names) > data.n // 2:
        return None
    groups = np.arange(data.n)
    if data.split_by != "task":
        number = {name: i for i, name in enumerate(names)}
        groups = np.array([number[task] if task is not None else len(names) for task in data.tasks])
    return hold_out(examples, even_folds(groups, FOLDS, seed + 2), groups, seed, boost, progress)


def hold_out(
    examples: Examples,
    folds: np.ndarray,
    groups: np.ndarray,
    seed: int,
    boost: Boost,
    progress: Callable[[float], None],
) -> HeldOut:
    """What members say of each fold when fitted to the others. With a single fold there are no others: all is seen."""
    n, routes = examples.outcomes.correct.shape
    base, similarity = np.empty((n, routes)), np.empty(n)
    said, given = np.empty((2, n, len(MEMBERS), routes))
    tasks: list[str | None] = [None] * n
    numbers = np.unique(folds)
    for done, fold in enumerate(numbers):
        progress(done / len(numbers))
        held = np.flatnonzero(folds == fold)
        rest = np.flatnonzero(folds != fold) if len(numbers) > 1 else held
        part = examples.subset(rest)
        members, _ = fit_members(part, _inner_folds(part, seed), seed, boost)
        asked = ask(members, examples, held)
        base[held], said[held], given[held], similarity[held] = asked.base, asked.said, asked.given, asked.similarity
        for i, task in zip(held, asked.tasks):
            tasks[i] = task
    correct, cells = examples.outcomes.correct, examples.outcomes.known
    weight = examples.outcomes.weight
    unknown, known = Said(base, said, correct, cells, weight), Said(base, given, correct, cells, weight)
    return HeldOut(unknown, known, similarity, folds, groups, tuple(tasks))


def _report(
    data: LabelMatrix,
    estimates: Estimates,
    judged: Judged,
    members: Members,
    explained: dict[str, float],
    tokens: FittedAmounts,
    seed: int,
) -> dict[str, Any]:
    keys = [route.key for route in data.routes]
    gains = members.booster.feature_importance("gain")
    order = np.argsort(-gains, kind="stable")[:20]
    return {
        "members": list(MEMBERS),
        "blends": {
            regime: {
                "chosen": one.name,
                "level_weights": dict(zip(MEMBERS, map(float, one.blend.level))),
                "contrast_weights": dict(zip(MEMBERS, map(float, one.blend.contrast))),
                "candidates": one.losses,
            }
            for regime, one in judged.chosen.items()
        },
        "linear": explained,
        "trees": {
            "count": members.booster.num_trees(),
            "gain": {TREE_FEATURES[i]: float(gains[i]) for i in order if gains[i] > 0},
        },
        "tasks": {"known": len(members.tasks.names), "sharpness": members.tasks.sharpness},
        "calibration": calibration_report(estimates.p, data.correct, keys, seed),
        "output_tokens": {
            "labels": tokens.labels,
            "high_quantile": 0.95,
            "coverage": tokens.coverage,
            "assumed": tokens.labels == 0,
        },
        "unlike": {"mean": float(estimates.unlike.mean()), "q90": float(np.quantile(estimates.unlike, 0.9))}
        | {"intervals": judged.told["intervals"]},
        "effort_order": judged.told["effort_order"],
    }
