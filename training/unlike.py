"""What a request unlike the labels gets: how much its interval widens, and how much more a correct answer counts.

Both are learnt from tasks left out whole, whose requests are as unlike the rest as a new family would be. Where no
tasks are named nothing can be left out, and nothing is claimed.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from router.estimate.blend import Drift, Evidence
from router.objective import choose, weighed

COVERED = 0.9
REACHES = (0.0, 1.0, 2.0, 4.0, 8.0)
CAUTIONS = (1.0, 2.0, 4.0, 8.0, 16.0)
LEAST_CELLS, LEAST_GROUPS = 8, 5
Z = 1.96


@dataclass(frozen=True)
class LeftOut:
    """Estimates (n, R) of queries whose whole task was left out, how unlike the rest they were (n,), and the number of
    each query's task (n,)."""

    p: np.ndarray
    unlike: np.ndarray
    task: np.ndarray


def fit_drift(seen: LeftOut, correct: np.ndarray, evidence: Evidence) -> tuple[Drift, dict[str, Any]]:
    """How far a new task's mean outcome lies from its estimates, and the least reach with which the intervals hold the
    means of COVERED of the (task, route) cells, the noise of the labels allowed for."""
    spread = _spread(seen, correct)
    shares = {}
    for reach in REACHES:
        drift = Drift(spread, reach)
        bounds = [evidence.interval(p, float(u), drift) for p, u in zip(seen.p, seen.unlike)]
        low, high = np.stack([one[0] for one in bounds]), np.stack([one[1] for one in bounds])
        shares[reach] = _covered(seen, correct, low, high), float((high - low).mean())
        if shares[reach][0] >= COVERED:
            break
    told = {"spread_log_odds": spread, "reach": reach, "left_out_tasks_covered": shares[reach][0]}
    told |= {"width": shares[reach][1], "covered_without": shares[0.0][0], "width_without": shares[0.0][1]}
    return drift, told


def _cells(seen: LeftOut, correct: np.ndarray) -> list[tuple[np.ndarray, int]]:
    """Rows and route of every (task, route) with labels enough for a mean."""
    known = ~np.isnan(correct)
    found = [
        (np.flatnonzero((seen.task == task) & known[:, j]))
        for task in np.unique(seen.task)
        for j in range(known.shape[1])
    ]
    routes = np.tile(np.arange(known.shape[1]), len(np.unique(seen.task)))
    return [(rows, int(j)) for rows, j in zip(found, routes) if len(rows) >= LEAST_CELLS]


def _spread(seen: LeftOut, correct: np.ndarray) -> float:
    """The standard deviation of a task's shift in log-odds: one Newton step per cell, its own noise taken off."""
    squares = []
    for rows, j in _cells(seen, correct):
        p = seen.p[rows, j]
        information = float((p * (1 - p)).sum())
        step = float((correct[rows, j] - p).sum()) / information
        squares.append(step * step - 1 / information)
    return float(np.sqrt(max(float(np.mean(squares)), 0.0))) if squares else 0.0


def _covered(seen: LeftOut, correct: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    held = []
    for rows, j in _cells(seen, correct):
        mean = float(correct[rows, j].mean())
        noise = Z * np.sqrt(max(mean * (1 - mean), 0.01) / len(rows))
        held.append(low[rows, j].mean() - noise <= mean <= high[rows, j].mean() + noise)
    return float(np.mean(held)) if held else 1.0


def choose_caution(
    seen: LeftOut, usd: np.ndarray, correct: np.ndarray, paid: np.ndarray, value_usd: float
) -> dict[str, Any]:
    """How many times a correct answer counts for a request wholly unlike the labels, as the manifest tells it.

    Judged in USD at the policy's own value of a correct answer, each task by the factor that the other tasks prefer.
    It is 1 (no rule) unless that gain exceeds its standard error over tasks.
    """
    whole = ~(np.isnan(correct) | np.isnan(paid)).any(axis=1)
    tasks, group = np.unique(seen.task[whole], return_inverse=True)
    if len(tasks) < LEAST_GROUPS or not np.isfinite(value_usd) or value_usd <= 0:
        return {"caution": 1.0}
    rows = np.flatnonzero(whole)
    picks = [choose(weighed(seen.p, seen.unlike, one)[rows], usd[rows], value_usd) for one in CAUTIONS]
    right, bill = (np.stack([cells[rows, pick] for pick in picks]) for cells in (correct, paid))
    worth = value_usd * right - bill
    sums = np.stack([np.bincount(group, one, minlength=len(tasks)) for one in worth - worth[0]])
    others = sums.sum(axis=1, keepdims=True) - sums
    preferred = others.argmax(axis=0)
    gains = sums[preferred, np.arange(len(tasks))]
    error = float(np.sqrt(((gains - gains.mean()) ** 2).sum()))
    best, used = int(sums.sum(axis=1).argmax()), preferred[group]
    at = np.arange(len(rows))
    return {
        "caution": CAUTIONS[best] if gains.sum() > error else 1.0,
        "preferred": CAUTIONS[best],
        "left_out_tasks": len(tasks),
        "left_out_queries": len(rows),
        "gain_usd": float(gains.sum() / len(rows)),
        "gain_standard_error": error / len(rows),
        "accuracy_without": float(right[0].mean()),
        "accuracy_with": float(right[used, at].mean()),
        "usd_without": float(bill[0].mean()),
        "usd_with": float(bill[used, at].mean()),
    }
