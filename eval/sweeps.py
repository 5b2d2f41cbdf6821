"""Spend and correctness per query at every operating point of a policy, and of the oracle. Learns nothing."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from eval.metrics import upper_hulls
from router.errors import InputError
from router.labels import LabelMatrix

ORACLE_VALUES = 60


@dataclass(frozen=True)
class Sweep:
    """What a policy spends and gets right on each query (n rows) at each operating point (P columns).

    `picks` is the column of the answering route, or None where a point mixes routes.
    """

    name: str
    label: str
    usd: np.ndarray = field(repr=False)
    correct: np.ndarray = field(repr=False)
    picks: np.ndarray | None = field(repr=False, default=None)

    @property
    def points(self) -> int:
        return self.usd.shape[1]

    def point(self, index: int) -> "Sweep":
        picks = None if self.picks is None else self.picks[:, [index]]
        return Sweep(self.name, self.label, self.usd[:, [index]], self.correct[:, [index]], picks)

    def of_queries(self, rows: np.ndarray) -> "Sweep":
        """The same policy on some of the queries."""
        picks = None if self.picks is None else self.picks[rows]
        return Sweep(self.name, self.label, self.usd[rows], self.correct[rows], picks)


def sweep_of_picks(name: str, label: str, picks: np.ndarray, correct: np.ndarray, costs: np.ndarray) -> Sweep:
    """From the column of the chosen route per query and point."""
    usd, right = (np.take_along_axis(cells, picks, axis=1) for cells in (costs, correct))
    return Sweep(name, label, usd, right, picks)


def values_to_sweep(costs: np.ndarray, count: int = ORACLE_VALUES) -> np.ndarray:
    """Values of a correct answer (USD) from "the cheapest always" to "right at any price", (count,) or (B, count)
    for mean costs per route of shape (R,) or (B, R)."""
    dear = costs.max(axis=-1)
    dear = np.where(dear > 0, dear, 1.0)
    # free routes have no logarithm: a millionth of the dearest stands for nothing
    cheap = np.maximum(costs.min(axis=-1), dear * 1e-6)
    return np.geomspace(cheap / 10, dear * 1000, count, axis=-1)


@dataclass(frozen=True)
class Decided:
    """The decisions that are judged, aligned with the queries: what was paid and right, and what had been expected."""

    points: tuple[int, ...]
    sweep: Sweep
    expected_usd: np.ndarray = field(repr=False)
    p_correct: np.ndarray = field(repr=False)


def align_decisions(decisions: pd.DataFrame, data: LabelMatrix, costs: np.ndarray, name: str, label: str) -> Decided:
    """Join decisions to outcomes. Plans (columns `step`, `calls`) pay every step; the last step answers."""
    table, points = _known_decisions(decisions, data)
    n, count = data.n, len(points)
    cell = table["row"].to_numpy() * count + table["column"].to_numpy()
    calls = table["calls"].fillna(1).to_numpy(float) if "calls" in table else np.ones(len(table))
    paid = costs[table["row"], table["route"]] * calls
    last = np.full(n * count, -1)
    last[cell] = np.arange(len(table))  # rows are in step order, so the answering step is written last
    _refuse_gaps(last.reshape(n, count), data, points)
    picks = table["route"].to_numpy()[last].reshape(n, count)
    usd = np.bincount(cell, paid, minlength=n * count).reshape(n, count)
    expected = _number(table, "expected_usd") * calls
    sweep = Sweep(name, label, usd, np.take_along_axis(data.correct, picks, axis=1), picks)
    return Decided(
        points,
        sweep,
        np.bincount(cell, expected, minlength=n * count).reshape(n, count),
        _number(table, "p_correct")[last].reshape(n, count),
    )


def _known_decisions(decisions: pd.DataFrame, data: LabelMatrix) -> tuple[pd.DataFrame, tuple[int, ...]]:
    for column in ("point", "query_id", "model", "effort"):
        if column not in decisions:
            raise InputError(column, list(decisions.columns), "column missing from the decisions", "Run eval decide.")
    rows = {query: i for i, query in enumerate(data.query_ids)}
    routes = {route.key: j for j, route in enumerate(data.routes)}
    table = decisions.assign(row=decisions["query_id"].astype(str).map(rows))
    table = table[table["row"].notna()].astype({"row": np.int64})
    keys = table["model"].astype(str) + "|" + table["effort"].astype(str)
    table["route"] = keys.map(routes)
    if table["route"].isna().any():
        unknown = sorted(set(keys[table["route"].isna()]))
        raise InputError("model", unknown, "decisions name routes without labels", "Label them, or leave them out.")
    points = tuple(sorted(table["point"].unique().tolist()))
    table["column"] = table["point"].map({point: i for i, point in enumerate(points)})
    table = table.astype({"route": np.int64, "column": np.int64})
    key = ["column", "row", *(["step"] if "step" in table else [])]
    twice = table.duplicated(key)
    if twice.any():
        which = f"query {table.loc[twice, 'query_id'].iloc[0]} at point {table.loc[twice, 'point'].iloc[0]}"
        raise InputError("decisions", which, "decided more than once", "Give one row per query and point (and step).")
    return (table.sort_values("step", kind="stable") if "step" in table else table), points


def _refuse_gaps(last: np.ndarray, data: LabelMatrix, points: tuple[int, ...]) -> None:
    gaps = np.argwhere(last < 0)
    if last.size == 0 or len(gaps):
        where = f"query {data.query_ids[gaps[0][0]]} at point {points[gaps[0][1]]}" if len(gaps) else "none at all"
        problem = f"{len(gaps)} decisions are missing" if len(gaps) else "no decision fits the labelled queries"
        raise InputError("decisions", where, problem, "Decide every labelled query at every point.")


def _number(table: pd.DataFrame, column: str) -> np.ndarray:
    if column not in table:
        return np.full(len(table), np.nan)
    return pd.to_numeric(table[column], errors="coerce").to_numpy(float)


@dataclass(frozen=True)
class Oracle:
    """Knows every outcome and, for each value of a correct answer, takes the route worth most.

    Per query only the corners of its own hull are ever chosen, each from a known value on; that turns a sweep in a
    resampled world into sums over those steps instead of a search over all cells.
    """

    correct: np.ndarray = field(repr=False)
    costs: np.ndarray = field(repr=False)

    @cached_property
    def _steps(self) -> tuple[np.ndarray, ...]:
        corners = upper_hulls(self.costs, self.correct)
        usd, right = np.diff(corners.usd, axis=1), np.diff(corners.accuracy, axis=1)
        owner, step = np.nonzero(right > 0)
        value = usd[owner, step] / right[owner, step]
        order = np.argsort(value, kind="stable")
        owner, step = owner[order], step[order]
        return corners.usd[:, 0], corners.accuracy[:, 0], owner, usd[owner, step], right[owner, step], value[order]

    def resampled(self, weights: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean usd and accuracy (B, V) under query weights (B, n) at the values (B, V)."""
        first_usd, first_right, owner, more_usd, more_right, at = self._steps
        total = weights.sum(axis=1, keepdims=True)
        taken = np.searchsorted(at, values, side="left")
        carried = weights[:, owner]
        means = []
        for first, more in ((first_usd, more_usd), (first_right, more_right)):
            summed = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(carried * more, axis=1)], axis=1)
            means.append(((weights @ first)[:, None] + np.take_along_axis(summed, taken, axis=1)) / total)
        return means[0], means[1]

    def sweep(self, values: np.ndarray) -> Sweep:
        picks = np.stack([np.argmax(value * self.correct - self.costs, axis=1) for value in values], axis=1)
        return sweep_of_picks("oracle", "Oracle", picks, self.correct, self.costs)
