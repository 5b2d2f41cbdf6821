"""Two policies decided on the same labelled queries: what either takes, pays and gets right, and where they part."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

from eval.bootstrap import Estimate, mean_estimates
from eval.decide import decide
from eval.heldout import held_out_queries
from eval.operating import Curve, curve
from eval.sweeps import sweep_of_picks
from router.costs import billed_usd
from router.encoders import Encoder
from router.errors import InputError
from router.gate.difficulty import bands_of
from router.gate.evidence import Evidence, from_pairs
from router.labels import LabelMatrix
from router.policy import Policy, text_digest

POINTS = 31
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Decided:
    """One policy on n labelled queries: the column of each query's route at its own operating point and at the other
    policy's value of a correct answer, with estimates (n, R) in the order of the labels' routes; `picks` (n, points)
    are its columns at every operating point."""

    name: str
    version: str
    choice: np.ndarray = field(repr=False)
    at_others_value: np.ndarray = field(repr=False)
    picks: np.ndarray = field(repr=False)
    p: np.ndarray = field(repr=False)
    usd: np.ndarray = field(repr=False)
    trained_on: int


@dataclass(frozen=True)
class Paired:
    """Both policies on the labelled queries on which every route of either is labelled."""

    data: LabelMatrix = field(repr=False)
    paid: np.ndarray = field(repr=False)
    incumbent: Decided
    candidate: Decided
    left_out: int

    @property
    def curves(self) -> tuple[Curve, Curve]:
        """Both at every operating point."""
        first, second = (
            curve(sweep_of_picks(one.name, one.name, one.picks, self.data.correct, self.paid))
            for one in (self.incumbent, self.candidate)
        )
        return first, second

    @property
    def differ(self) -> np.ndarray:
        return np.asarray(self.incumbent.choice != self.candidate.choice)

    def cells(self, table: np.ndarray) -> np.ndarray:
        """(n, 2): a table of cells read at what either took."""
        rows = np.arange(self.data.n)
        return np.column_stack([table[rows, one.choice] for one in (self.incumbent, self.candidate)])

    def evidence(self) -> Evidence:
        tasks = np.array([task or "" for task in self.data.tasks], dtype=object)
        note = f"{self.data.n:,} held-out queries, {int(self.differ.sum()):,} of them decided differently"
        usd, correct = self.cells(self.paid), self.cells(self.data.correct)
        names = {"task": tasks, "difficulty": bands_of(self.cells(self.incumbent.p)[:, 0])}
        return from_pairs("labels", usd, correct, self.differ, names, live=False, note=note)


def pair_on_labels(
    incumbent: Policy,
    candidate: Policy,
    encoder: Encoder,
    everything: LabelMatrix,
    at: datetime,
    cache: Path,
    progress: Progress,
) -> Paired:
    """Decide the held-out part with both. Raises InputError where a route of either has no labels there."""
    data = everything.part("test")
    routes = sorted({*incumbent.routes, *candidate.routes})
    missing = [route.key for route in routes if route not in data.routes]
    if missing:
        raise InputError("labels", missing, "routes of a policy without labels", "Label them, or leave --labels out.")
    data = data.with_routes(routes)
    whole = ~np.isnan(data.correct).any(axis=1)
    if not whole.any():
        raise InputError("labels", data.n, "no query is labelled on all routes", "Label some queries on every route.")
    left_out, data = int((~whole).sum()), data.subset(whole)
    pairs = (incumbent, candidate), (candidate, incumbent)
    made = [_decided(one, other.value_usd, encoder, data, at, cache, progress) for one, other in pairs]
    # one bill for both: the incumbent's prices where it knows the route, for they say what is paid today
    expected = np.where(np.isnan(made[0].usd), made[1].usd, made[0].usd)
    book = candidate.book if set(candidate.routes) >= set(routes) else incumbent.book
    paid = billed_usd(data, book, expected, at)
    before, after = made
    return Paired(data, paid, before, after, left_out)


def _decided(
    policy: Policy,
    others_value: float,
    encoder: Encoder,
    data: LabelMatrix,
    at: datetime,
    cache: Path,
    progress: Progress,
) -> Decided:
    values = [policy.value_usd, others_value, *policy.sweep.points(POINTS)]
    sweep = decide(policy, encoder, held_out_queries(data), values, at, cache, progress)
    column = {route: j for j, route in enumerate(policy.routes)}
    there = np.array([column.get(route, -1) for route in data.routes])
    p, usd = (_cells(one, there) for one in (sweep.estimates.p, sweep.usd))
    picks = np.array([data.routes.index(route) for route in policy.routes])[sweep.chosen]
    known = policy.trained_on()
    return Decided(
        policy.folder.name if policy.folder else "policy",
        policy.version,
        picks[:, 0],
        picks[:, 1],
        picks[:, 2:],
        p,
        usd,
        sum(text_digest(text) in known for text in data.texts),
    )


def _cells(estimates: np.ndarray, there: np.ndarray) -> np.ndarray:
    return np.where(there >= 0, estimates[:, np.maximum(there, 0)], np.nan)


@dataclass(frozen=True)
class Flip:
    """Requests on which the candidate leaves one route for another: what that changes, and why it does so.

    `because` tells whether the candidate would also leave at the incumbent's value of a correct answer (it estimates
    differently) or only at its own (it values an answer differently). Estimates are of the candidate.
    """

    leaves: str
    takes: str
    n: int
    share: float
    accuracy: Estimate
    usd: Estimate
    p_leaves: float
    p_takes: float
    incumbent_p_leaves: float
    incumbent_p_takes: float
    because: str


def flips(paired: Paired, replicates: int = 1000, seed: int = 0, most: int = 12) -> tuple[Flip, ...]:
    """The most frequent flips, largest first."""
    keys = [route.key for route in paired.data.routes]
    pairs = np.column_stack([paired.incumbent.choice, paired.candidate.choice])
    found, counts = np.unique(pairs[paired.differ], axis=0, return_counts=True)
    changes = [np.diff(paired.cells(table), axis=1)[:, 0] for table in (paired.data.correct, paired.paid)]
    made = []
    for i in np.argsort(-counts, kind="stable")[:most]:
        leaves, takes = found[i]
        rows = np.flatnonzero((pairs == found[i]).all(axis=1))
        accuracy, spent = mean_estimates(np.column_stack([one[rows] for one in changes]), replicates, seed)
        theirs, ours = (
            (_mean(side.p[rows, leaves]), _mean(side.p[rows, takes])) for side in (paired.candidate, paired.incumbent)
        )
        own = float((paired.candidate.at_others_value[rows] != leaves).mean())
        because = f"estimates ({own:.0%})" if own >= 0.5 else f"value of an answer ({1 - own:.0%})"
        n, share = len(rows), len(rows) / paired.data.n
        made.append(
            Flip(keys[leaves], keys[takes], n, share, accuracy, spent, theirs[0], theirs[1], ours[0], ours[1], because)
        )
    return tuple(made)


def _mean(p: np.ndarray) -> float:
    """NaN where a policy does not know the route."""
    return float(p.mean()) if len(p) else float("nan")
