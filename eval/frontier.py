"""The frontier report as data: everything that a lead is shown, computed from labels, decisions and costs.

Pure: reads no file, draws no picture, asks no clock. Every number is a float or None, so the report is strict JSON.
Only queries labelled on all routes count: a missing outcome says nothing about what its route would have done.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from eval.calibration import Calibration, calibrate
from eval.explained import Explained
from eval.figures import QUALITY_SHARES, Band, PolicyFigures, compare
from eval.headline import Against, AgainstSingle, Headline, compare_at_equal_spend, compare_with_singles, headline
from eval.metrics import upper_hulls
from eval.operating import (
    Curve,
    OperatingPoint,
    SingleRoute,
    cheapest_per_correct,
    curve,
    operating_points,
    single_table,
)
from eval.references import TrainingLabels, fixed_references, learnt_references, oracle_sweep, single_routes
from eval.slices import Judged, Losses, Slice, find_losses, slice_all
from eval.sweeps import Decided, Sweep, align_decisions
from router.errors import InputError
from router.labels import LabelMatrix
from router.regret_curve import RegretCurve

SCHEMA = 1


@dataclass(frozen=True)
class ReportNotes:
    """Where the figures come from; what a reader needs in order to believe or to repeat them."""

    policy: str = "the policy"
    policy_version: str | None = None
    simulated: bool = False
    overlap: int | None = None  # judged queries that were also in training; None: count them where possible
    labels: str | None = None
    labels_digest: str | None = None
    command: str | None = None
    commit: str | None = None
    prices_at: str | None = None
    created_at: str | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class FrontierReport:
    notes: ReportNotes
    n: int
    left_out: int
    routes: tuple[str, ...]
    trained_on: int | None
    seed: int
    replicates: int
    value_usd: float
    value_is_implied: bool
    headline: Headline
    chosen: int
    points: tuple[OperatingPoint, ...]
    cheapest_per_correct: int | None
    singles: tuple[SingleRoute, ...]
    curves: tuple[Curve, ...]
    band: Band
    policies: tuple[PolicyFigures, ...]
    quality_shares: tuple[float, ...]
    against: tuple[Against, ...]
    against_fixed: tuple[AgainstSingle, ...]
    calibration: tuple[Calibration, ...]
    slices: tuple[Slice, ...]
    losses: Losses
    explained: tuple[Explained, ...] = ()
    regret: RegretCurve | None = None
    schema: int = SCHEMA

    @property
    def chosen_point(self) -> OperatingPoint:
        return next(point for point in self.points if point.chosen)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class _Counted:
    """The queries that count: all routes labelled, in the order of their ids (so row order changes no figure)."""

    data: LabelMatrix
    costs: np.ndarray = field(repr=False)
    p: np.ndarray | None = field(repr=False)
    vectors: np.ndarray | None = field(repr=False)
    rows: np.ndarray = field(repr=False)
    left_out: int


def build_report(
    data: LabelMatrix,
    decisions: pd.DataFrame,
    costs: np.ndarray,
    p: np.ndarray | None,
    chosen: int,
    *,
    notes: ReportNotes,
    value_usd: float | None = None,
    vectors: np.ndarray | None = None,
    train: TrainingLabels | None = None,
    plans: Sweep | None = None,
    replicates: int = 1000,
    seed: int = 0,
    show_prompts: bool = True,
    progress: Callable[[str, float], None] = lambda stage, share: None,
) -> FrontierReport:
    """Judge decisions on held-out labels.

    `costs` and `p` are (n, R) in the order of data.routes: USD to bill and estimated P(correct). `chosen` is the
    value of `point` at which the policy runs; `value_usd` its value of a correct answer (None: read off the frontier).
    `plans` is what its plans did on all queries of `data`, to be drawn beside its single decisions.
    """
    counted = _count(data, costs, p, vectors)
    escalating = [] if plans is None else [plans.of_queries(counted.rows)]
    data, costs = counted.data, counted.costs
    decided = align_decisions(decisions, data, costs, "router", notes.policy)
    at = _chosen_column(decided, chosen)
    progress("references", 0.0)
    learnt = train.aligned(data, costs) if train else None
    mix, fixed = single_routes(data, costs), fixed_references(data, costs, learnt)
    taught = learnt_references(data, costs, learnt, counted.vectors) if learnt else []
    point, draws = decided.sweep.point(at), (replicates, seed)
    compared = compare(
        decided.sweep,
        [mix, *taught, *escalating],
        data.correct,
        costs,
        *draws,
        lambda share: progress("bootstrap", share),
    )
    progress("slices", 0.0)
    value = value_usd if value_usd is not None else implied_value(decided.sweep, at)
    judged = _judged(point, mix, taught[:1], data, value)
    against = compare_at_equal_spend(point, [mix, *taught], *draws)
    singles = compare_with_singles(point, [r.key for r in data.routes], mix.usd, mix.correct, *draws)
    always = _compare_fixed(point, fixed, draws)
    points = operating_points(decided, data, at, *draws)
    return FrontierReport(
        notes=_with_overlap(notes, train, data),
        n=data.n,
        left_out=counted.left_out,
        routes=tuple(route.key for route in data.routes),
        trained_on=learnt.n if learnt else None,
        seed=seed,
        replicates=replicates,
        value_usd=value,
        value_is_implied=value_usd is None,
        headline=headline(notes.policy, notes.simulated, point, _strongest(always, fixed, data), singles, against),
        chosen=chosen,
        points=points,
        cheapest_per_correct=cheapest_per_correct(points),
        singles=single_table(mix, data, *draws),
        curves=tuple(map(curve, (decided.sweep, *escalating, mix, *taught, *fixed, oracle_sweep(data, costs)))),
        band=compared.band,
        policies=compared.policies,
        quality_shares=QUALITY_SHARES,
        against=against,
        against_fixed=always,
        calibration=_calibration(counted, replicates, seed),
        slices=slice_all(data, judged, counted.p, *draws),
        losses=find_losses(data, costs, judged, decided.p_correct[:, at], show_prompts),
    )


def _with_overlap(notes: ReportNotes, train: TrainingLabels | None, data: LabelMatrix) -> ReportNotes:
    """Count judged queries whose id or words are also in training, unless the caller already knows."""
    if notes.overlap is not None or train is None:
        return notes
    ids, words = set(train.data.query_ids), {_words(text) for text in train.data.texts}
    pairs = zip(data.query_ids, data.texts)
    return replace(notes, overlap=sum(query in ids or _words(text) in words for query, text in pairs))


def _words(text: str) -> str:
    return " ".join(text.lower().split())


def _compare_fixed(point: Sweep, fixed: Sequence[Sweep], draws: tuple[int, int]) -> tuple[AgainstSingle, ...]:
    usd, correct = (np.hstack([getattr(one, cells) for one in fixed]) for cells in ("usd", "correct"))
    return compare_with_singles(point, [one.label for one in fixed], usd, correct, *draws)


def _strongest(always: Sequence[AgainstSingle], fixed: Sequence[Sweep], data: LabelMatrix) -> AgainstSingle:
    """The comparison with the strongest route, under the route's own name."""
    at = next(i for i, one in enumerate(fixed) if one.name == "strongest")
    picks = fixed[at].picks
    assert picks is not None
    return replace(always[at], route=data.routes[picks[0, 0]].key)


def _count(data: LabelMatrix, costs: np.ndarray, p: np.ndarray | None, vectors: np.ndarray | None) -> _Counted:
    shape = data.correct.shape
    for name, cells in (("costs", costs), ("p", p)):
        if cells is not None and np.shape(cells) != shape:
            raise InputError(name, np.shape(cells), f"does not fit labels of shape {shape}", "Give a number per cell.")
    whole = ~np.isnan(data.correct).any(axis=1)
    if not whole.any():
        problem = f"none of {data.n} queries is labelled on all {shape[1]} routes"
        raise InputError("labels", data.n, problem, "Label some queries on every route, or judge fewer routes.")
    rows = np.flatnonzero(whole)
    rows = rows[np.argsort(np.array(data.query_ids)[rows], kind="stable")]
    unpriced = np.isnan(costs[rows]).any(axis=0)
    if unpriced.any():
        names = [data.routes[j].key for j in np.flatnonzero(unpriced)]
        raise InputError("costs", names, "routes with queries that have no price", "Price them with a routes file.")
    p, vectors = (None if one is None else one[rows] for one in (p, vectors))
    return _Counted(data.subset(rows), costs[rows], p, vectors, rows, data.n - len(rows))


def _chosen_column(decided: Decided, chosen: int) -> int:
    if chosen not in decided.points:
        raise InputError("chosen", chosen, "not an operating point of the decisions", f"Points: {decided.points}.")
    return decided.points.index(chosen)


def implied_value(sweep: Sweep, at: int) -> float:
    """The exchange rate at which the point is the right one: USD per further correct answer, between the slopes of
    the frontier before and behind it."""
    usd, accuracy = sweep.usd.mean(axis=0), sweep.correct.mean(axis=0)
    hull = upper_hulls(usd[None], accuracy[None])
    run, rise = np.diff(hull.usd[0]), np.diff(hull.accuracy[0])
    price = run[rise > 0] / rise[rise > 0]
    before = (hull.usd[0][1:] <= usd[at])[rise > 0]
    near = [*price[before][-1:], *price[~before][:1]]
    if near:
        return float(np.exp(np.mean(np.log(near))))
    return float(10 * usd[at] / max(accuracy[at], 1e-9))


def _judged(point: Sweep, mix: Sweep, tables: Sequence[Sweep], data: LabelMatrix, value: float) -> Judged:
    """Rivals within a slice: every single route, and the simplest learnt policy at the same value of an answer."""
    labels = [route.key for route in data.routes]
    usd, correct = [mix.usd], [mix.correct]
    for table in tables:
        best = int(np.argmax(value * table.correct.mean(axis=0) - table.usd.mean(axis=0)))
        labels.append(table.label)
        usd.append(table.usd[:, [best]])
        correct.append(table.correct[:, [best]])
    return Judged(point, tuple(labels), np.hstack(usd), np.hstack(correct), value)


def _calibration(counted: _Counted, replicates: int, seed: int) -> tuple[Calibration, ...]:
    if counted.p is None:
        return ()
    names = tuple(route.key for route in counted.data.routes)
    return calibrate(counted.p, counted.data.correct, names, replicates, seed)
