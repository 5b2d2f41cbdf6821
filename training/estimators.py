"""Fits the estimator to a label set: members, their blend, calibration, evidence and usage, all judged out of fold.

Every query is predicted by members that never saw its group; where tasks are named, once more by members that never saw
its task, which shows what requests of unknown families get. The representation's constants come from all texts, since
they see no outcome.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from router.estimate.blend import NO_DRIFT, probability
from router.estimate.effort_order import in_order
from router.estimate.estimators import Blends, Estimates, Estimator
from router.estimate.members import MEMBERS, TREE_FEATURES, Members, log_odds
from router.estimate.usage import Usage
from router.labels import LabelMatrix
from training.blend import ChosenBlend, Said, choose_blend
from training.boosting import Boost, boost_here
from training.effort_order import choose_order
from training.evidence import calibration_report, fit_evidence, fit_familiarity
from training.members import Examples, fit_members
from training.outcomes import Prior, read_outcomes
from training.representation import fit_representation
from training.unlike import LeftOut, fit_drift
from training.usage import SMALLEST_SECONDS, FittedAmounts, fit_amounts, fit_input_tokens

FOLDS, INNER_FOLDS = 5, 5
LEAST_TASKS = 5
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class FittedEstimator:
    """A fitted estimator, its honest out-of-fold estimates, and what the fit has to tell; estimates of tasks left out
    whole, where tasks are named."""

    estimator: Estimator
    out_of_fold: Estimates
    report: dict[str, Any]
    left_out: LeftOut | None = None


@dataclass(frozen=True)
class HeldOut:
    """What members said of rows they had not seen: task unknown or given, and how similar the nearest labels were."""

    said: Said
    said_given: Said
    similarity: np.ndarray
    folds: np.ndarray
    groups: np.ndarray
    tasks: tuple[str | None, ...]


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
    own = _hold_out(examples, folds, data.groups, seed, boost, lambda share: progress("out of fold", 0.1 + 0.4 * share))
    other = _other_pass(data, examples, seed, boost, lambda share: progress("other folds", 0.5 + 0.3 * share))
    progress("blend", 0.8)
    blends, chosen = _fit_blends(own, other, data.split_by == "task")
    unlike = np.array([blends.familiarity.unlike(one) for one in own.similarity])
    p = _mixed(own, blends, chosen, unlike, data.split_by == "task")
    ladders, order = choose_order(p, data.correct, data.routes, data.weight)
    blends = replace(blends, ladders=ladders)
    p = np.stack([in_order(one, ladders) for one in p])
    evidence = fit_evidence(p, data.correct)
    left_out = _left_out(own, other, blends, chosen, data)
    drift, drifted = (NO_DRIFT, None) if left_out is None else fit_drift(left_out, data.correct, evidence)
    members, explained = fit_members(examples, _inner_folds(examples, seed), seed, boost)
    progress("usage", 0.9)
    dense = np.stack([row.dense for row in rows])
    tokens = fit_amounts(dense, data.output_tokens, folds, 1.0, assumed=True)
    seconds = fit_amounts(dense, data.latency_s, folds, SMALLEST_SECONDS, assumed=False)
    usage = Usage(fit_input_tokens(data.input_tokens, data.context_chars), tokens.amounts, seconds.amounts)
    estimator = Estimator(data.routes, representation, members, blends, evidence, usage, drift)
    bounds = [evidence.interval(one, float(u), drift) for one, u in zip(p, unlike)]
    estimates = Estimates(
        p=p,
        p_low=np.stack([low for low, _ in bounds]),
        p_high=np.stack([high for _, high in bounds]),
        input_tokens=np.stack([usage.input_tokens.estimate(float(chars)) for chars in data.context_chars]),
        output_tokens=tokens.mean,
        output_tokens_high=tokens.high,
        seconds=seconds.mean,
        unlike=unlike,
        task=own.tasks,
    )
    report = _report(data, estimates, chosen, members, explained, tokens, seed)
    report["unlike"]["intervals"], report["effort_order"] = drifted, order
    report["seconds"] = time.perf_counter() - started
    progress("estimator", 1.0)
    return FittedEstimator(estimator, estimates, report, left_out)


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


def _other_pass(
    data: LabelMatrix, examples: Examples, seed: int, boost: Boost, progress: Callable[[float], None]
) -> "HeldOut | None":
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
    return _hold_out(examples, even_folds(groups, FOLDS, seed + 2), groups, seed, boost, progress)


def _hold_out(
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
        rows = [examples.rows[i] for i in held]
        views = [members.views(row, None) for row in rows]
        base[held] = log_odds(members.base)
        said[held] = members.log_odds(rows, views)
        similarity[held] = [view.look.mean_similarity for view in views]
        given[held] = said[held]
        for i, view in zip(held, views):
            tasks[i] = examples.tasks[i] if examples.tasks[i] is not None else view.task
            if examples.tasks[i] in members.tasks.names:
                given[i, 0] = log_odds(members.tasks.means[members.tasks.names.index(examples.tasks[i])])
    correct, cells = examples.outcomes.correct, examples.outcomes.known
    weight = examples.outcomes.weight
    unknown, known = Said(base, said, correct, cells, weight), Said(base, given, correct, cells, weight)
    return HeldOut(unknown, known, similarity, folds, groups, tuple(tasks))


def _fit_blends(own: HeldOut, other: HeldOut | None, by_task: bool) -> tuple[Blends, dict[str, ChosenBlend]]:
    near, far = (other, own) if by_task else (own, other)
    known = near if near is not None else own
    chosen = {
        "task unknown": choose_blend(known.said, known.folds, known.groups),
        "task given": choose_blend(known.said_given, known.folds, known.groups),
    }
    if far is not None:
        chosen["task unseen"] = choose_blend(far.said, far.folds, far.groups)
    both = near is not None and far is not None
    blends = Blends(
        familiar=chosen["task unknown"].blend,
        familiar_task=chosen["task given"].blend,
        unfamiliar=chosen.get("task unseen", chosen["task unknown"]).blend,
        familiarity=fit_familiarity(known.similarity, far.similarity if both and far is not None else None),
    )
    return blends, chosen


def _mixed(
    own: HeldOut, blends: Blends, chosen: dict[str, ChosenBlend], unlike: np.ndarray, by_task: bool
) -> np.ndarray:
    """P(correct) as serving mixes it. The blend of the rows' own pass is cross-fitted, the other saw other folds."""
    own_name, other = ("task unseen", blends.familiar) if by_task else ("task unknown", blends.unfamiliar)
    held_out = chosen[own_name].held_out
    applied = np.stack([other.log_odds(base, said) for base, said in zip(own.said.base, own.said.members)])
    weight = unlike[:, None] if "task unseen" in chosen else np.zeros((len(unlike), 1))
    near, far = (applied, held_out) if by_task else (held_out, applied)
    p = probability((1.0 - weight) * near + weight * far)
    return np.stack([in_order(one, blends.ladders) for one in p])


def _left_out(
    own: HeldOut, other: HeldOut | None, blends: Blends, chosen: dict[str, ChosenBlend], data: LabelMatrix
) -> LeftOut | None:
    """Estimates of tasks left out whole; None where too few are named."""
    by_task = data.split_by == "task"
    far = own if by_task else other
    names = sorted({task for task in data.tasks if task is not None})
    if far is None or len(names) < LEAST_TASKS:
        return None
    unlike = np.array([blends.familiarity.unlike(one) for one in far.similarity])
    number = {name: i for i, name in enumerate(names)}
    task = np.array([len(names) if one is None else number[one] for one in data.tasks])
    return LeftOut(_mixed(far, blends, chosen, unlike, by_task=True), unlike, task)


def _report(
    data: LabelMatrix,
    estimates: Estimates,
    chosen: dict[str, ChosenBlend],
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
            for regime, one in chosen.items()
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
        "unlike": {"mean": float(estimates.unlike.mean()), "q90": float(np.quantile(estimates.unlike, 0.9))},
    }
