"""What a row of a label set may hold: its columns, and what is wrong with a row that cannot be used.

Row numbers in messages count data rows from 1. Nothing is mended silently.
"""

import json
from typing import Any

import numpy as np
import pandas as pd

from router.errors import InputError, LabelSetError
from router.requests import parse_messages
from router.untrusted import parse_json

CELL_COLUMNS = ("correct", "input_tokens", "output_tokens", "cost_usd", "latency_s", "agreement", "confidence")
# What else an answer may show about itself: mean log-probability of its tokens, whether it refuses, fits its schema.
ANSWER_COLUMNS = ("mean_logprob", "refused", "schema_valid")
SHARES = frozenset({"correct", "agreement", "confidence", "refused", "schema_valid"})
SHOWN_PROBLEMS = 8


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
