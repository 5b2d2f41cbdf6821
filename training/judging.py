"""Judges members by what they said of rows they had not seen: their blend, its calibration, intervals, what is unlike.

Knows nothing of how members were fitted, to all labels at once or to a stream of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from router.estimate.blend import NO_DRIFT, Drift, Evidence, probability
from router.estimate.effort_order import in_order
from router.estimate.estimators import Blends
from router.estimate.members import Members, log_odds
from router.labels import LabelMatrix
from training.blend import ChosenBlend, Said, choose_blend
from training.effort_order import choose_order
from training.evidence import fit_evidence, fit_familiarity
from training.members import Examples
from training.unlike import LeftOut, fit_drift

LEAST_TASKS = 5


@dataclass(frozen=True)
class Asked:
    """What members say of rows: base log-odds (R,), `said` and `given` (n, members, R) with the task unknown or given,
    how similar the nearest labels are (n,), and each row's task."""

    base: np.ndarray
    said: np.ndarray
    given: np.ndarray
    similarity: list[float]
    tasks: tuple[str | None, ...]


@dataclass(frozen=True)
class HeldOut:
    """What members said of rows they had not seen: task unknown or given, and how similar the nearest labels were."""

    said: Said
    said_given: Said
    similarity: np.ndarray
    folds: np.ndarray
    groups: np.ndarray
    tasks: tuple[str | None, ...]


@dataclass(frozen=True)
class Judged:
    """What held-out rows showed: the blends as chosen, honest P(correct) (n, R), evidence and drift, tasks left out."""

    blends: Blends
    chosen: dict[str, ChosenBlend]
    p: np.ndarray
    unlike: np.ndarray
    tasks: tuple[str | None, ...]
    evidence: Evidence
    drift: Drift
    left_out: LeftOut | None
    told: dict[str, Any]


def ask(members: Members, examples: Examples, rows: Sequence[int] | np.ndarray) -> Asked:
    """What members say of these rows of the examples."""
    picked = [examples.rows[i] for i in rows]
    views = [members.views(row, None) for row in picked]
    said = members.log_odds(picked, views)
    given, tasks = said.copy(), []
    for place, (i, view) in enumerate(zip(rows, views)):
        own = examples.tasks[i]
        tasks.append(own if own is not None else view.task)
        if own in members.tasks.names:
            given[place, 0] = log_odds(members.tasks.means[members.tasks.names.index(own)])
    return Asked(log_odds(members.base), said, given, [view.look.mean_similarity for view in views], tuple(tasks))


def judge(data: LabelMatrix, own: HeldOut, other: HeldOut | None) -> Judged:
    """`own` holds out what the label set asks for, `other` the reverse (tasks for queries, queries for tasks)."""
    blends, chosen = _fit_blends(own, other, data.split_by == "task")
    unlike = np.array([blends.familiarity.unlike(one) for one in own.similarity])
    p = _mixed(own, blends, chosen, unlike, data.split_by == "task")
    ladders, order = choose_order(p, data.correct, data.routes, data.weight)
    blends = replace(blends, ladders=ladders)
    p = np.stack([in_order(one, ladders) for one in p])
    evidence = fit_evidence(p, data.correct)
    left_out = _left_out(own, other, blends, chosen, data)
    drift, drifted = (NO_DRIFT, None) if left_out is None else fit_drift(left_out, data.correct, evidence)
    told = {"intervals": drifted, "effort_order": order}
    return Judged(blends, chosen, p, unlike, own.tasks, evidence, drift, left_out, told)


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
