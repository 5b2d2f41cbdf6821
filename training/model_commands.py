"""`training ask` and `training add-model`: a new model from a few well-chosen labels, or from the catalogue alone."""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from router.console import stage_progress
from router.embedding_cache import embed_cached
from router.encoders import load_encoder
from router.errors import InputError
from router.labels import read_labels
from router.policy import Policy
from router.settings import Settings
from router.tables import read_table, write_table
from training.new_models import most_telling


def add_model_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", fit: Callable[..., None]
) -> None:
    """`fit` runs a training on prepared arguments, which know everything that `training fit` knows."""
    ask = commands.add_parser("ask", help="which queries to run on a new model first")
    ask.add_argument("--policy", type=Path, required=True, help="a policy trained on these labels")
    ask.add_argument(
        "--labels", type=Path, required=True, help="the label set to choose from; its train part if it has"
    )
    ask.add_argument("--count", type=int, default=50, help="how many (default 50)")
    ask.add_argument("--out", type=Path, required=True, help="where to write query_id and prompt")
    ask.set_defaults(command=_ask)
    add = commands.choices["add-model"]
    add.add_argument("--new", type=Path, help="labels of the new model: rows like those of --labels")
    add.set_defaults(command=lambda arguments: _add_model(arguments, fit))


def _ask(arguments: argparse.Namespace) -> None:
    if arguments.count < 1:
        raise InputError("count", arguments.count, "nothing to ask", "Ask for 1 or more; 20 are a start.")
    settings = Settings()
    policy, data = Policy.load(arguments.policy), read_labels(arguments.labels).part("train")
    with stage_progress() as progress:
        encoder = load_encoder(settings)
        policy.check_encoder(encoder.identity)
        progress("choosing queries", 0.5)
        vectors = embed_cached(encoder, data.texts, settings.models_dir / "embeddings")
        rows = most_telling(policy.estimator, data.texts, vectors, arguments.count)
    table = pd.DataFrame({"query_id": [data.query_ids[i] for i in rows], "prompt": [data.texts[i] for i in rows]})
    write_table(table, arguments.out)
    print(f"{len(rows)} queries, the most telling first: {arguments.out}")
    print(f"Next: run the new model on them, then python -m training add-model --labels {arguments.labels} --new NEW")


def _add_model(arguments: argparse.Namespace, fit: Callable[..., None]) -> None:
    if arguments.new is None and not arguments.route:
        raise InputError("new", None, "neither labels nor a route", "Give --new LABELS, or --route model|effort.")
    if arguments.new is None:
        fit(arguments)
        return
    joined = arguments.out.with_name(f".{arguments.out.name}.labels.parquet")
    joined.parent.mkdir(parents=True, exist_ok=True)
    try:
        write_table(_joined(arguments.labels, arguments.new), joined)
        arguments.labels = joined
        fit(arguments)
    finally:
        joined.unlink(missing_ok=True)


def _joined(labels: Path, new: Path) -> pd.DataFrame:
    """Both tables as one; a new row takes prompt, task and split of the query that it names, where it lacks them."""
    old, more = read_table(labels), read_table(new)
    if "query_id" not in more:
        raise InputError("query_id", list(more.columns), "column missing from the new labels", "Name each row's query.")
    for frame in (old, more):
        frame["query_id"] = frame["query_id"].astype(str)
    first = old.drop_duplicates("query_id").set_index("query_id")
    for column in ("prompt", "messages", "task", "split"):
        if column in first:
            given = more[column] if column in more else pd.Series(np.nan, index=more.index, dtype=object)
            more[column] = given.astype(object).where(given.notna(), more["query_id"].map(first[column]))
    return pd.concat([old, more], ignore_index=True)
