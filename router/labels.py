"""The label set: what was asked, of which route, and whether the answer was right.

Rows are (query, route) outcomes; `LabelMatrix` holds them as one row per query and one column per route. Nothing is
dropped silently: what was merged is said in `notes`. What a row may hold is known to `router.label_checks`.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from router.errors import InputError, LabelSetError
from router.label_checks import ANSWER_COLUMNS, CELL_COLUMNS, check_table
from router.routes import Route
from router.tables import read_table

SplitBy = Literal["query", "task", "time"]


@dataclass(frozen=True)
class LabelMatrix:
    """Outcomes as (query × route) arrays, float64, NaN where a query was not run on a route.

    `texts` is what features and encoder read (the prompt, or the last user turn); `context_chars` counts the characters
    of everything sent. Queries of one `groups` value never stand in different folds. `weight` (n, R) is there where a
    cell stands for more or fewer than one (inverse propensities of a harvested log).
    """

    query_ids: tuple[str, ...]
    texts: tuple[str, ...] = field(repr=False)
    context_chars: np.ndarray = field(repr=False)
    tasks: tuple[str | None, ...] = field(repr=False)
    groups: np.ndarray = field(repr=False)
    routes: tuple[Route, ...]
    correct: np.ndarray = field(repr=False)
    input_tokens: np.ndarray = field(repr=False)
    output_tokens: np.ndarray = field(repr=False)
    cost_usd: np.ndarray = field(repr=False)
    latency_s: np.ndarray = field(repr=False)
    agreement: np.ndarray = field(repr=False)
    confidence: np.ndarray = field(repr=False)
    split: tuple[str | None, ...] = field(repr=False)
    at: np.ndarray | None = field(repr=False, default=None)
    split_by: SplitBy = "query"
    notes: tuple[str, ...] = ()
    answers: np.ndarray | None = field(repr=False, default=None)
    weight: np.ndarray | None = field(repr=False, default=None)

    def cells(self, name: str) -> np.ndarray:
        """One of CELL_COLUMNS or ANSWER_COLUMNS as (n, R), NaN where it was not observed."""
        if name in CELL_COLUMNS:
            found: np.ndarray = getattr(self, name)
        elif self.answers is None:
            found = np.full(self.correct.shape, np.nan)
        else:
            found = self.answers[:, :, ANSWER_COLUMNS.index(name)]
        return found

    @property
    def n(self) -> int:
        return len(self.query_ids)

    def subset(self, rows: np.ndarray | Sequence[int]) -> "LabelMatrix":
        """The same label set with these queries only (row numbers or a boolean mask)."""
        rows = np.asarray(rows)
        index = np.flatnonzero(rows) if rows.dtype == bool else rows
        picked: dict[str, Any] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name in ("routes", "notes", "split_by") or value is None:
                continue
            picked[one.name] = value[index] if isinstance(value, np.ndarray) else tuple(value[i] for i in index)
        return replace(self, **picked)

    def with_routes(self, routes: Sequence[Route]) -> "LabelMatrix":
        """The same label set with these routes only, in this order."""
        columns = [self.routes.index(route) for route in routes]
        cells = {name: getattr(self, name)[:, columns] for name in CELL_COLUMNS}
        answers = None if self.answers is None else self.answers[:, columns]
        weight = None if self.weight is None else self.weight[:, columns]
        return replace(self, routes=tuple(routes), answers=answers, weight=weight, **cells)

    def part(self, name: str) -> "LabelMatrix":
        """The queries whose `split` is `name`; the whole set where no query carries that split."""
        mask = np.array([one == name for one in self.split])
        return self.subset(mask) if mask.any() else self

    def has_part(self, name: str) -> bool:
        return name in self.split

    def folds(self, k: int, seed: int = 0) -> np.ndarray:
        """A fold number per query, groups kept whole, sizes even; by time: k successive blocks.

        With fewer groups than k there are as many folds as groups.
        """
        names, inverse = np.unique(self.groups, return_inverse=True)
        k = max(1, min(k, len(names)))
        if self.split_by == "time":
            order = np.argsort(np.argsort(names))
            return (order * k // len(names))[inverse]
        sizes = np.bincount(inverse)
        shuffled = np.random.default_rng(seed).permutation(len(names))
        filled, fold_of = np.zeros(k), np.zeros(len(names), dtype=np.int64)
        # the largest groups first, each into the emptiest fold
        for group in sorted(shuffled, key=lambda one: -sizes[one]):
            fold_of[group] = int(np.argmin(filled))
            filled[fold_of[group]] += sizes[group]
        return fold_of[inverse]

    def digest(self) -> str:
        """SHA-256 over everything that training reads."""
        sha = hashlib.sha256()
        sha.update(json.dumps([self.query_ids, self.texts, self.tasks, [r.key for r in self.routes]]).encode())
        for name in CELL_COLUMNS:
            sha.update(np.ascontiguousarray(getattr(self, name)).tobytes())
        if self.answers is not None:
            sha.update(np.ascontiguousarray(self.answers).tobytes())
        if self.weight is not None:
            sha.update(np.ascontiguousarray(self.weight).tobytes())
        return sha.hexdigest()


def read_labels(path: Path | str, split_by: SplitBy = "query") -> LabelMatrix:
    """Read and validate a label set. Raises LabelSetError naming row, column, value and cure of the first problems."""
    table = read_table(path).reset_index(drop=True)
    return build_labels(table, str(path), split_by)


def build_labels(table: pd.DataFrame, name: str = "labels", split_by: SplitBy = "query") -> LabelMatrix:
    """The same from a table in memory."""
    table, notes = check_table(table, name)
    first = table.drop_duplicates("query_id").set_index("query_id")
    asked = [Route(model, effort) for model, effort in zip(table["model"], table["effort"])]
    routes = tuple(sorted(set(asked)))
    rows = {query: i for i, query in enumerate(first.index)}
    columns = {route: j for j, route in enumerate(routes)}
    i, j = table["query_id"].map(rows).to_numpy(), np.array([columns[route] for route in asked])
    cells, merged = _cells(table, i, j, (len(rows), len(routes)))
    shown, weight = [cells.pop(name) for name in ANSWER_COLUMNS], cells.pop("weight")
    at = _times(table, name)[table["query_id"].drop_duplicates().index] if "at" in table else None
    tasks = _texts_or_none(first, "task")
    groups, twins = _groups(first, tasks, at, split_by)
    return LabelMatrix(
        query_ids=tuple(map(str, first.index)),
        texts=tuple(first["text"]),
        context_chars=first["context_chars"].to_numpy(np.int64),
        tasks=tasks,
        groups=groups,
        routes=routes,
        **cells,
        split=_texts_or_none(first, "split"),
        at=at,
        split_by=split_by,
        notes=tuple(notes + merged + twins),
        answers=np.stack(shown, axis=2) if any(name in table for name in ANSWER_COLUMNS) else None,
        weight=np.where(np.isnan(weight), 1.0, weight) if "weight" in table else None,
    )


def _cells(
    table: pd.DataFrame, i: np.ndarray, j: np.ndarray, shape: tuple[int, int]
) -> tuple[dict[str, np.ndarray], list[str]]:
    """The arrays, repeated cells averaged, and what to say of them."""
    flat = i * shape[1] + j
    counts = np.bincount(flat, minlength=shape[0] * shape[1])
    cells = {}
    for column in (*CELL_COLUMNS, *ANSWER_COLUMNS, "weight"):
        values = table[column].to_numpy() if column in table else np.full(len(table), np.nan)
        known = ~np.isnan(values)
        total = np.bincount(flat[known], values[known], minlength=counts.size)
        number = np.bincount(flat[known], minlength=counts.size)
        mean = np.divide(total, number, out=np.full(counts.size, np.nan), where=number > 0)
        cells[column] = mean.reshape(shape)
    repeated = int((counts > 1).sum())
    if not repeated:
        return cells, []
    spread = table["correct"].groupby(flat).agg(lambda one: one.max() - one.min())
    conflicting = int((spread > 0).sum())
    return cells, [
        f"{repeated} cells (query, route) stand in more than one row; their rows are averaged"
        + (f"; {conflicting} of them carry conflicting labels" if conflicting else "")
    ]


def _texts_or_none(first: pd.DataFrame, column: str) -> tuple[str | None, ...]:
    if column not in first:
        return (None,) * len(first)
    return tuple(str(value) if pd.notna(value) else None for value in first[column])


def _times(table: pd.DataFrame, name: str) -> np.ndarray:
    times = pd.to_datetime(table["at"], errors="coerce", utc=True)
    if times.isna().any():
        row = int(np.flatnonzero(times.isna())[0])
        problem = InputError("at", table["at"].iloc[row], "not a time", "Use ISO 8601.", row=row + 1)
        raise LabelSetError(name, [problem], int(times.isna().sum()))
    return times.dt.tz_localize(None).to_numpy("datetime64[us]")


def _groups(
    first: pd.DataFrame, tasks: tuple[str | None, ...], at: np.ndarray | None, split_by: SplitBy
) -> tuple[np.ndarray, list[str]]:
    """Which queries belong together. Queries of the same words are one group, or a fold would leak into another."""
    if split_by == "time":
        if at is None:
            raise InputError("split-by", "time", "the label set has no column at", "Use query or task.")
        return np.unique(at, return_inverse=True)[1], []
    if split_by == "task":
        if not any(tasks):
            raise InputError("split-by", "task", "the label set has no column task", "Use query.")
        return np.unique([task or "" for task in tasks], return_inverse=True)[1], []
    words = [" ".join(text.lower().split()) for text in first["text"]]
    groups = pd.factorize(np.array(words, dtype=object))[0]
    twins = len(words) - len(set(words))
    return groups, [f"{twins} queries repeat another query's words; they stay in one fold with it"] if twins else []
