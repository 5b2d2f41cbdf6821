"""`training harvest`: what came back on logged decisions as a label set, with weights for how it was chosen.

A logged request was answered on one route only, and which one depended on the request: each row carries the inverse of
its propensity, times its route's share (stabilised), at most MOST_WEIGHT. Weights mend what the routing chose; they
cannot mend which requests were answered at all, graded at all, or never explored: that is said instead.
"""

import argparse
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from router.console import print_notes
from router.decisions import Outcome
from router.errors import InputError
from router.labels import build_labels
from router.moments import parse_moment
from router.off_policy.logged import logged_of, read_rows, tells_nothing
from router.routes import Route
from router.spend.whole_log import whole_log
from router.tables import read_table, table_kind, write_table

MOST_WEIGHT = 20.0
FEW_SHARE = 0.5  # of decisions graded; with less, who grades decides much of what is learnt
OUTCOME_COLUMNS = (
    "input_tokens",
    "output_tokens",
    "latency_s",
    "agreement",
    "confidence",
    "mean_logprob",
    "refused",
    "schema_valid",
)


@dataclass(frozen=True)
class Harvest:
    """A label set made from a log, with what its user should know."""

    table: pd.DataFrame
    notes: tuple[str, ...]
    decisions: int
    harvested: int


def harvest(
    rows: Sequence[tuple[Mapping[str, Any], Outcome | None]],
    labels: pd.DataFrame | None = None,
    prompts: Mapping[str, str] | None = None,
) -> Harvest:
    """Label rows of the graded decisions whose text is known, followed by `labels` with weight 1.

    `prompts` finds texts by their SHA-256 that the log does not hold. Raises InputError where nothing can be harvested.
    """
    kept = [(row, outcome) for row, outcome in rows if not tells_nothing(row)]
    known = _known_queries(labels)
    texts = [row["text"] or (prompts or {}).get(row["text_sha256"], "") for row, _ in kept]
    graded = [outcome is not None and outcome.correct is not None for _, outcome in kept]
    if not any(graded):
        cure = "Report `correct` to /outcomes, for a sample at least."
        raise InputError("log", len(rows), "no decision has its correctness reported", cure)
    usable = [bool(text) and right for text, right in zip(texts, graded)]
    if not any(usable):
        cure = "Give --prompts FILE with query_id and prompt, or serve with TIERWISE_STORE_TEXT=true."
        raise InputError("log", len(rows), "no text is known of any graded decision", cure)
    weights = _weights(kept, usable)
    made = [
        _label(row, outcome, text, weight, known)
        for (row, outcome), text, use, weight in zip(kept, texts, usable, weights)
        if use and outcome is not None
    ]
    parts = [pd.DataFrame(made)]
    if labels is not None:
        parts.append(labels.assign(weight=labels["weight"].fillna(1.0) if "weight" in labels else 1.0))
    table = _one_task_per_query(pd.concat(parts, ignore_index=True))
    return Harvest(table, tuple(_notes(rows, kept, texts, graded, weights)), len(rows), len(made))


def _weights(kept: Sequence[tuple[Mapping[str, Any], Any]], usable: Sequence[bool]) -> np.ndarray:
    """Stabilised inverse propensities (n,): about 1 in the mean of each route."""
    routes = np.array([row["route"] for row, _ in kept])
    inverse = np.array([1.0 / row["propensity"] for row, _ in kept])
    used = np.array(usable)
    weights = np.ones(len(kept))
    for route in np.unique(routes):
        mine = (routes == route) & used
        if mine.any():
            weights[mine] = inverse[mine] / inverse[mine].mean()
    return np.minimum(weights, MOST_WEIGHT)


def _label(
    row: Mapping[str, Any], outcome: Outcome, text: str, weight: float, known: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    route = Route.parse(row["route"])
    same = known.get(text, {})
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {
        "query_id": same.get("query_id", f"log-{digest[:16]}"),
        "task": same.get("task", row["task"]),
        "prompt": text,
        "model": route.model,
        "effort": route.effort,
        "correct": outcome.correct,
        "cost_usd": None if outcome.usd is None else float(outcome.usd),
        **{name: getattr(outcome, name) for name in OUTCOME_COLUMNS},
        "weight": weight,
        "propensity": row["propensity"],
        "tenant": row["tenant"],
        "split": "train",
    }


def _known_queries(labels: pd.DataFrame | None) -> dict[str, dict[str, Any]]:
    """Labelled queries by their text, so that a request that is one of them becomes more cells of that query."""
    if labels is None or "prompt" not in labels:
        return {}
    first = labels.drop_duplicates("prompt")
    columns = [name for name in ("query_id", "task") if name in first]
    return dict(zip(first["prompt"], first[columns].to_dict("records")))


def _one_task_per_query(table: pd.DataFrame) -> pd.DataFrame:
    """A task that the policy guessed may differ between requests of the same words: the most frequent one stays."""
    if "task" in table:
        named = table.dropna(subset="task")
        often = named.groupby("query_id")["task"].agg(lambda one: one.mode().iloc[0])
        table["task"] = table["query_id"].map(often)
    if "split" in table:
        table["split"] = table["query_id"].map(table.groupby("query_id")["split"].last())
    return table


def _notes(
    rows: Sequence[Any],
    kept: Sequence[tuple[Mapping[str, Any], Any]],
    texts: Sequence[str],
    graded: Sequence[bool],
    weights: np.ndarray,
) -> list[str]:
    """The selection bias, stated."""
    logged = logged_of(rows)
    notes = [f"{count} decisions left aside: {why}" for why, count in logged.left_aside.items()]
    missing = sum(right and not text for right, text in zip(graded, texts))
    if missing:
        notes.append(f"{missing} graded decisions left aside: their text is not known (--prompts may give it)")
    share = float(np.mean(graded))
    if share < FEW_SHARE:
        notes.append(f"only {share:.1%} of the decisions are graded: labels are of requests that somebody grades")
    notes += _uneven(kept, graded)
    always = float((logged.propensity > 1 - 1e-9).mean())
    if always > 0.99:
        notes.append(
            "nothing was explored: every route is labelled only where the policy chose it, so weights mend nothing and "
            "what other routes would have done is learnt from --labels alone"
        )
    elif always > 0.05:
        notes.append(f"{always:.0%} of the decisions could have taken one route only: no weight stands for the others")
    cut = int((weights >= MOST_WEIGHT).sum())
    if cut:
        notes.append(f"{cut} weights are cut at {MOST_WEIGHT:g}")
    notes.append("only the last user turn is logged: context sent with it is not in these labels")
    return notes


def _uneven(kept: Sequence[tuple[Mapping[str, Any], Any]], graded: Sequence[bool]) -> list[str]:
    """Tasks that are graded far more often than others."""
    table = pd.DataFrame({"task": [row["task"] or "no task" for row, _ in kept], "graded": graded})
    shares = table.groupby("task")["graded"].agg(["mean", "size"]).query("size >= 30")["mean"]
    if len(shares) < 2 or shares.max() < 2 * max(shares.min(), 1e-9):
        return []
    most, least = shares.idxmax(), shares.idxmin()
    return [f"grading is uneven: {shares.max():.0%} of task {most}, {shares.min():.0%} of task {least}"]


def add_harvest(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--log", required=True, help="the decision log's URL, such as sqlite:///models/tierwise.db")
    parser.add_argument("--labels", type=Path, help="labelled evals to merge with")
    parser.add_argument("--prompts", type=Path, help="query_id, prompt: texts that the log keeps only the hash of")
    parser.add_argument("--tenant", help="only this tenant's decisions")
    parser.add_argument("--since", help="the first moment (ISO 8601)")
    parser.add_argument("--until", help="the moment before which it ends (ISO 8601)")
    parser.add_argument("--out", type=Path, required=True, help="the label set to write")
    parser.set_defaults(command=_harvest)


def _harvest(arguments: argparse.Namespace) -> None:
    table_kind(arguments.out)
    labels = None if arguments.labels is None else read_table(arguments.labels)
    known = [] if labels is None or "prompt" not in labels else list(labels["prompt"].drop_duplicates())
    if arguments.prompts is not None:
        known += list(_column(read_table(arguments.prompts, "prompts"), "prompt"))
    by_hash = {hashlib.sha256(text.encode()).hexdigest(): text for text in known if isinstance(text, str)}
    asked = {"since": arguments.since, "until": arguments.until}
    period = [None if text is None else parse_moment(text, name) for name, text in asked.items()]
    with whole_log(arguments.log) as store:
        rows = read_rows(store, arguments.tenant, *period)
    found = harvest(rows, labels, by_hash)
    build_labels(found.table.copy(), str(arguments.out))  # what training would refuse is not written
    write_table(found.table, arguments.out)
    print_notes("What to know about this harvest", found.notes)
    print(f"{found.harvested} labels from {found.decisions} decisions, {len(found.table)} rows in all: {arguments.out}")
    print(f"Next: python -m training fit --labels {arguments.out} --out models/NAME, then python -m eval compare")


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    if name not in table:
        raise InputError("prompts", list(table.columns), f"column {name} missing", "Give query_id and prompt.")
    return table[name]
