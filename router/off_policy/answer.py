"""What a log says of a policy: its accuracy, USD and price of a correct answer, or plainly that it cannot tell.

Knows logged decisions and the columns that the other policy takes; nothing of texts or models.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from router.gate.difficulty import bands_of
from router.gate.evidence import Evidence, from_pairs
from router.off_policy.estimators import (
    NAMES,
    bandit_of,
    contributions,
    effective_sample_size,
)
from router.off_policy.intervals import Interval, bernstein_interval, bootstrap_intervals, student_interval
from router.off_policy.logged import Logged

MOST_UNSUPPORTED = 0.01
LEAST_EFFECTIVE = 100.0
BEST_ESTIMATOR = "DR"


@dataclass(frozen=True)
class Figure:
    """One estimator's estimate of one mean per request, with its 95 % `interval` and two others: the studentised
    bootstrap's and empirical Bernstein's."""

    estimator: str
    value: float
    interval: tuple[float, float]
    bootstrap: tuple[float, float]
    bernstein: tuple[float, float]
    threshold: float | None


@dataclass(frozen=True)
class Coverage:
    """Whether the log reaches what the policy would do. `unsupported` is the share of requests on which it takes a
    route that could not have been taken there; `known` the share of decisions with both outcome and bill;
    `mean_ratio` is 1 but for chance where propensities are right, and `mean_ratio_error` its standard error."""

    decisions: int
    known: float
    agrees: float
    unsupported: float
    effective: float
    largest_ratio: float
    mean_ratio: float
    mean_ratio_error: float


@dataclass(frozen=True)
class Answer:
    """`statement` says in a sentence what the log can and cannot tell; `answers` whether it can; there are no figures
    where it cannot."""

    answers: bool
    statement: str
    coverage: Coverage
    accuracy: tuple[Figure, ...]
    usd: tuple[Figure, ...]
    usd_per_correct: float | None


def answer(logged: Logged, choice: np.ndarray, replicates: int = 1000, seed: int = 0) -> Answer:
    """The value of the policy that takes column `choice` (n,) of each request, −1 where it takes a route unknown to
    the log, estimated from those requests whose outcome is known."""
    known = ~np.isnan(logged.correct) & ~np.isnan(logged.usd)
    seen, picks = logged.subset(known), choice[known]
    covered = _coverage(seen, picks, logged.n)
    can, statement = _statement(covered)
    if not can:
        return Answer(can, statement, covered, (), (), None)
    correct, usd = (tuple(_figures(seen, picks, name, replicates, seed)) for name in ("correct", "usd"))
    best = [next(one.value for one in each if one.estimator == BEST_ESTIMATOR) for each in (correct, usd)]
    return Answer(can, statement, covered, correct, usd, best[1] / best[0] if best[0] > 0 else None)


def evidence_from(logged: Logged, choice: np.ndarray, without: frozenset[str] = frozenset()) -> Evidence:
    """Doubly robust figures of incumbent and candidate for every request, for the gate. `without` names decisions that
    count elsewhere. Empty, with a note, where the log cannot answer."""
    known = ~np.isnan(logged.correct) & ~np.isnan(logged.usd)
    known &= ~np.isin(logged.decision_id.astype(str), list(without))
    seen, picks = logged.subset(known), choice[known]
    can, statement = _statement(_coverage(seen, picks, logged.n))
    if not can:
        seen, picks = seen.subset(np.zeros(seen.n, dtype=bool)), picks[:0]
    return replace(robust_pairs(seen, picks), requests=logged.n if can else 0, note=statement)


def robust_pairs(seen: Logged, choice: np.ndarray) -> Evidence:
    """The same of decisions whose outcomes are all known, whether or not the log can answer. Difficulty is what was
    expected then of the route thought best: known before any route was drawn, so slices by it are unbiased too."""
    picks = np.where(choice < 0, seen.best, choice)  # the few that are out of reach count as no difference
    usd, correct = (
        np.column_stack([_robust(seen, name, one) for one in (seen.best, picks)]) for name in ("usd", "correct")
    )
    names = {"task": seen.task, "tenant": seen.tenant, "difficulty": bands_of(seen.p[seen.rows, seen.best])}
    return from_pairs("log", usd, correct, picks != seen.best, names, live=True)


_REWARDS = {"correct": "p", "usd": "expected_usd"}


def _robust(seen: Logged, name: str, choice: np.ndarray) -> np.ndarray:
    """(n,): the model's figure for a choice, corrected by the outcome where it was what was taken."""
    reward = getattr(seen, name)
    model = seen.filled(getattr(seen, _REWARDS[name]), reward)[seen.rows, choice]
    matched = (seen.taken == choice) / seen.propensity
    return np.asarray(model + matched * (reward - model))


def _target(choice: np.ndarray, routes: int) -> np.ndarray:
    target = np.zeros((len(choice), routes))
    there = choice >= 0
    target[np.flatnonzero(there), choice[there]] = 1.0
    return target


def _figures(seen: Logged, choice: np.ndarray, name: str, replicates: int, seed: int) -> Iterator[Figure]:
    reward = getattr(seen, name)
    model = seen.filled(getattr(seen, _REWARDS[name]), reward)
    data = bandit_of(reward, seen.taken, seen.probability, _target(choice, len(seen.routes)), model)
    made = [contributions(data, estimator) for estimator in NAMES]
    for one, drawn in zip(made, bootstrap_intervals(made, 0.05, replicates, seed)):
        near, sure = student_interval(one), bernstein_interval(one)
        near, drawn, sure = (_possible(name, each) for each in (near, drawn, sure))
        yield Figure(one.name, one.value, near, drawn, sure, one.tuned)


def _possible(name: str, interval: Interval) -> Interval:
    """Nobody is right less than never or more than always, and nothing costs less than nothing."""
    most = 1.0 if name == "correct" else np.inf
    low, high = np.clip(interval, 0.0, most)
    return float(low), float(high)


def _coverage(seen: Logged, choice: np.ndarray, decisions: int) -> Coverage:
    n = max(seen.n, 1)
    reachable = (choice >= 0) & (seen.probability[seen.rows, np.maximum(choice, 0)] > 0)
    ratio = np.where(seen.taken == choice, 1.0 / seen.propensity, 0.0)
    return Coverage(
        decisions=decisions,
        known=seen.n / max(decisions, 1),
        agrees=float((choice == seen.best).sum() / n),
        unsupported=float(1 - reachable.sum() / n),
        effective=effective_sample_size(ratio),
        largest_ratio=float(ratio.max(initial=0.0)),
        mean_ratio=float(ratio.sum() / n),
        mean_ratio_error=float(ratio.std() / np.sqrt(n)) if seen.n else 0.0,
    )


def _statement(found: Coverage) -> tuple[bool, str]:
    if not found.decisions or not found.known:
        return False, "The log cannot answer: no decision has both its correctness and its bill reported."
    if found.unsupported > MOST_UNSUPPORTED:
        return False, (
            f"The log cannot answer: on {found.unsupported:.1%} of the requests the policy takes a route that had no "
            "chance of being taken there, so nobody knows what would have come of it. Let TIERWISE_EXPLORE_EPSILON "
            "reach those routes, run the policy in shadow, or label some requests."
        )
    if found.effective < LEAST_EFFECTIVE:
        return False, (
            f"The log cannot answer yet: its {found.decisions:,} decisions tell as much of this policy as "
            f"{found.effective:.0f} of its own would; {LEAST_EFFECTIVE:.0f} are the least to go by."
        )
    if abs(found.mean_ratio - 1) > 4 * found.mean_ratio_error + found.unsupported + 1e-9:
        return False, (
            f"The log cannot be trusted: ratios of probabilities average {found.mean_ratio:.3f} where 1 is due "
            f"(standard error {found.mean_ratio_error:.3f}), so its propensities do not describe how it was made."
        )
    return True, (
        f"The log answers: {found.decisions:,} decisions, {found.known:.0%} of them with outcomes, tell as much as "
        f"{found.effective:,.0f} of the policy's own; {found.unsupported:.1%} of its choices were out of reach."
    )
