"""Operating points with a promise: learn-then-test on out-of-fold decisions, or a refusal that says what would do.

Each point of the sweep is a hypothesis "the floor is broken here". Points are tested in order from where it is least
likely, from several starts that share the error between them, each going on until its first failure (fixed-sequence
testing; Angelopoulos et al. 2021), so all points that pass keep the floor together with the stated confidence.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from router.betting import draws_needed, p_values
from router.errors import InputError
from router.intervals import exact_share
from router.objective import choose
from router.operating_points import Sweep

STARTS = 4


@dataclass(frozen=True)
class Decisions:
    """What each of K operating points does on n fully labelled queries: `right` and `usd`, (n, K)."""

    right: np.ndarray
    usd: np.ndarray

    def drawn(self, rows: np.ndarray) -> "Decisions":
        return Decisions(self.right[rows], self.usd[rows])


@dataclass(frozen=True)
class Promise:
    """What is promised of the mean: outcomes (n, K) within [0, 1] computed from decisions must exceed `least` in the
    mean. `safe_first` tells at which end of the sweep that is likeliest; `better` ranks the points that pass."""

    name: str
    outcomes: Callable[["Decisions", np.ndarray], np.ndarray]
    least: float
    dear_is_safe: bool
    confidence: float

    def passing(self, decisions: Decisions, rows: np.ndarray) -> np.ndarray:
        """Which points (K,) keep the promise, all together with the stated confidence."""
        level = (1.0 - self.confidence) / STARTS
        p = p_values(self.outcomes(decisions, rows), self.least, level)
        order = np.arange(len(p))[:: -1 if self.dear_is_safe else 1]
        passed = np.zeros(len(p), dtype=bool)
        for start in np.linspace(0, len(p), STARTS, endpoint=False).astype(int):
            for at in order[start:]:
                if p[at] > level:
                    break
                passed[at] = True
        return passed

    def pick(self, decisions: Decisions, rows: np.ndarray) -> int | None:
        """Of the points that pass: with a floor the cheapest per correct answer, with a ceiling the most accurate."""
        passed = np.flatnonzero(self.passing(decisions, rows))
        if not len(passed):
            return None
        right, usd = decisions.right[:, passed].mean(axis=0), decisions.usd[:, passed].mean(axis=0)
        rank = usd / np.maximum(right, 1e-12) if self.dear_is_safe else -right
        return int(passed[np.argmin(rank)])

    def labels_needed(self, decisions: Decisions, rows: np.ndarray) -> int | None:
        """About how many queries would let some point pass; None where no number seems to."""
        outcomes = self.outcomes(decisions, rows)
        level = (1.0 - self.confidence) / STARTS
        needed = [draws_needed(column, self.least, level) for column in outcomes.T]
        return min((one for one in needed if one is not None), default=None)


def decisions_at(
    found: Sweep, p: np.ndarray, usd: np.ndarray, correct: np.ndarray, paid: np.ndarray
) -> tuple[Decisions, np.ndarray]:
    """The sweep's decisions on the queries labelled on every route, and which rows these are."""
    rows = np.flatnonzero(~np.isnan(correct).any(axis=1))
    picks = np.stack([choose(p[rows], usd[rows], value) for value in found.values], axis=1)
    bill = np.where(np.isnan(paid), usd, paid)[rows]
    return Decisions(np.take_along_axis(correct[rows], picks, 1), np.take_along_axis(bill, picks, 1)), rows


def floor_promise(floor: float, confidence: float) -> Promise:
    return Promise(f"accuracy of at least {floor:.4g}", lambda d, rows: d.right, floor, True, confidence)


def relative_promise(route: str, reference: np.ndarray, within: float, confidence: float) -> Promise:
    """`reference` (n,): the outcomes of the route that must not be undercut by more than `within`."""
    name = f"accuracy within {within:.4g} of {route}"
    return Promise(
        name, lambda d, rows: (d.right - reference[rows, None] + 1) / 2, (1.0 - within) / 2, True, confidence
    )


def ceiling_promise(max_usd: float, most_usd: float, confidence: float) -> Promise:
    """`most_usd` bounds one call: its token cap, priced."""
    least = 1.0 - max_usd / most_usd
    name = f"mean cost of at most ${max_usd:.6g} per request"
    return Promise(name, lambda d, rows: np.clip(1.0 - d.usd / most_usd, 0.0, 1.0), least, False, confidence)


def keep(promise: Promise, decisions: Decisions, seed: int) -> tuple[int, dict[str, Any]]:
    """The point that keeps the promise, and what to tell of it. Raises InputError saying how many labels would do."""
    rows = np.random.default_rng(seed).permutation(len(decisions.right))  # the order must not depend on outcomes
    shuffled = decisions.drawn(rows)
    at = promise.pick(shuffled, rows)
    if at is None:
        raise InputError(
            "floor" if promise.dear_is_safe else "max-usd",
            f"{promise.name} with confidence {promise.confidence:g}",
            f"{len(rows)} fully labelled queries cannot support it",
            _cure(promise, shuffled, rows),
        )
    return at, {"promise": promise.name, "confidence": promise.confidence, "calibration_queries": len(rows)}


def _cure(promise: Promise, decisions: Decisions, rows: np.ndarray) -> str:
    needed = promise.labels_needed(decisions, rows)
    if needed is None:
        best = decisions.right.mean(axis=0).max() if promise.dear_is_safe else decisions.usd.mean(axis=0).min()
        what = f"accuracy {best:.4f}" if promise.dear_is_safe else f"${best:.6g} per request"
        return f"No number of labels would do: the best point reaches {what}. Relax it."
    return f"About {max(needed, len(rows) + 1):,} would do; or relax it, or lower --confidence (0: a point estimate)."


def verify(promise: Promise, decisions: Decisions, point_estimate: int, repeats: int, seed: int) -> dict[str, Any]:
    """Simulated: draw as many queries again and again, promise on each draw, and look whether the truth breaks it.

    The labelled queries are the population, so the truth of every point is known exactly.
    """
    rng = np.random.default_rng(seed + 1)
    n = len(decisions.right)
    everything = np.arange(n)
    truth = promise.outcomes(decisions, everything).mean(axis=0)
    broken, refused, usd = 0, 0, []
    for _ in range(repeats):
        rows = rng.integers(0, n, n)
        at = promise.pick(decisions.drawn(rows), rows)
        if at is None:
            refused += 1
            continue
        broken += bool(truth[at] < promise.least)
        usd.append(float(decisions.usd[:, at].mean()))
    found = exact_share(broken, repeats)
    told: dict[str, Any] = {
        "simulated_draws": repeats,
        "broken_share": broken / repeats,
        "broken_interval": [found.low, found.high],
        "refused_share": refused / repeats,
    }
    if usd:
        told["mean_usd"] = float(np.mean(usd))
        told["price_of_certainty_usd"] = float(np.mean(usd) - decisions.usd[:, point_estimate].mean())
    return told
