"""The label set: what was asked, of which route, and whether the answer was right. Owns its format and validation.

Rows are (query, route) outcomes; `LabelMatrix` holds them as one row per query and one column per route. Row numbers in
messages count data rows from 1. Nothing is dropped silently: what was merged is said in `notes`.
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
from router.requests import parse_messages
from router.routes import Route
from router.tables import read_table
from router.untrusted import parse_json

SplitBy = Literal["query", "task", "time"]
CELL_COLUMNS = ("correct", "input_tokens", "output_tokens", "cost_usd", "latency_s", "agreement", "confidence")
# What else an answer may show about itself: mean log-probability of its tokens, whether it refuses, fits its schema.
ANSWER_COLUMNS = ("mean_logprob", "refused", "schema_valid")
SHARES = frozenset({"correct", "agreement", "confidence", "refused", "schema_valid"})
SHOWN_PROBLEMS = 8


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


def check_table(table: pd.DataFrame, name: str) -> tuple[pd.DataFrame, list[str]]:
    """The rows of a label set with their numbers and prompts read, and what to say of them. Raises LabelSetError."""
    missing = [c for c in ("query_id", "model", "correct") if c not in table]
    if "prompt" not in table and "messages" not in table:
        missing.append("prompt")
    if missing:
        problem = InputError(
            missing[0], list(table.columns), "column missing", "Add it; router/README.md, Formats, lists the columns."
        )
        raise LabelSetError(name, [problem], len(missing))
    table = table.copy()
    if "effort" not in table:
        table["effort"] = "default"
    problems = [problem for check in (_bad_names, _bad_numbers) for problem in check(table)]
    problems += _read_prompts(table)
    problems += _changed_prompts(table) if not problems else []
    if problems:
        problems.sort(key=lambda problem: problem.row or 0)
        raise LabelSetError(name, problems[:SHOWN_PROBLEMS], len(problems))
    known = {
        *CELL_COLUMNS,
        *ANSWER_COLUMNS,
        "weight",
        "propensity",
        "query_id",
        "model",
        "effort",
        "prompt",
        "messages",
        "task",
        "split",
        "tenant",
        "at",
    }
    extra = sorted(set(table.columns) - known - {"text", "context_chars", "reasoning_tokens", "cached_input_tokens"})
    return table, [f"columns not used: {', '.join(extra)}"] if extra else []


def _bad_names(table: pd.DataFrame) -> list[InputError]:
    problems = []
    for column in ("query_id", "model", "effort"):
        values = table[column]
        if column == "query_id" and pd.api.types.is_integer_dtype(values):
            table[column] = values = values.astype(str)
        wrong = ~values.map(lambda one: isinstance(one, str) and bool(one.strip()) and "|" not in one)
        for row in np.flatnonzero(wrong):
            cure = "Give every row a name without '|'; a model without efforts has the effort none or default."
            problems.append(InputError(column, values.iloc[row], "not a name", cure, row=int(row) + 1))
    return problems


def _bad_numbers(table: pd.DataFrame) -> list[InputError]:
    problems = []
    for column in (*CELL_COLUMNS, *ANSWER_COLUMNS, "weight"):
        if column not in table:
            continue
        given = table[column]
        numbers = pd.to_numeric(given, errors="coerce").astype("float64")
        low, high = (-1e3, 0.0) if column == "mean_logprob" else (0.0, 1.0 if column in SHARES else 1e12)
        absent = given.isna()
        wrong = (~absent & (~np.isfinite(numbers) | (numbers < low) | (numbers > high))).to_numpy()
        if column == "correct":
            wrong = wrong | absent.to_numpy()
        cure = f"Give a number from {low:g} to {high:g}."
        if column == "correct":
            cure += " Leave out the rows of cells that were not run."
        rows = np.flatnonzero(wrong)
        problems += [InputError(column, given.iloc[row], "not usable", cure, row=int(row) + 1) for row in rows]
        table[column] = numbers
    return problems


def _read_prompts(table: pd.DataFrame) -> list[InputError]:
    """Fill `text` and `context_chars`; prompts repeat over routes, so each is parsed once."""
    seen: dict[str, tuple[str, int] | InputError] = {}
    texts, chars, problems = [], [], []
    source = "messages" if "messages" in table else "prompt"
    prompts = table["prompt"] if "prompt" in table else pd.Series([None] * len(table))
    for row, (prompt, value) in enumerate(zip(prompts, table[source])):
        value = prompt if isinstance(prompt, str) else value
        key = value if isinstance(value, str) else json.dumps(value, default=str)
        if key not in seen:
            seen[key] = _prompt(value, "prompt" if value is prompt else source)
        found = seen[key]
        if isinstance(found, InputError):
            problems.append(InputError(found.field, found.value, found.problem, found.cure, row=row + 1))
            found = ("", 0)
        texts.append(found[0])
        chars.append(found[1])
    table["text"], table["context_chars"] = texts, chars
    return problems


def _prompt(value: Any, column: str) -> tuple[str, int] | InputError:
    if column == "prompt":
        if not isinstance(value, str) or not value.strip():
            return InputError(column, value, "empty or not text", "Give the text that the model was sent.")
        return value, len(value)
    try:
        parsed = parse_json(value, column) if isinstance(value, str) else value
        messages = parse_messages(list(parsed) if isinstance(parsed, np.ndarray) else parsed, column)
    except ValueError:
        return InputError(column, value, "not JSON", "Give a list of messages, or its JSON text.")
    except InputError as error:
        return error
    users = [m.content for m in messages if m.role == "user"] or [messages[-1].content]
    return users[-1], sum(len(m.content) for m in messages)


def _changed_prompts(table: pd.DataFrame) -> list[InputError]:
    problems = []
    for column in ("text", "task", "split"):
        if column not in table:
            continue
        values = table[column].fillna("")
        first = table["query_id"].map(values.groupby(table["query_id"]).first())
        for row in np.flatnonzero((values != first).to_numpy()):
            shown = "prompt" if column == "text" else column
            cure = "Give each query one id, and every row of a query the same prompt, task and split."
            problem = f"differs from the first row of query {table['query_id'].iloc[row]}"
            problems.append(InputError(shown, values.iloc[row], problem, cure, row=int(row) + 1))
    return problems


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
