"""Holds queries out: adds a `split` column to a label set, by query, by task or by time, never by row."""

from pathlib import Path

import numpy as np
import pandas as pd

from router.errors import InputError
from router.labels import LabelMatrix, SplitBy, build_labels
from router.tables import read_table


def split_labels(path: Path, by: SplitBy, test_share: float, seed: int) -> pd.DataFrame:
    """The label set's rows with `split` set to train or test; about `test_share` of the queries are test.

    By query: at random, queries of the same words together. By task: whole tasks. By time: the latest queries.
    Raises LabelSetError for bad rows and InputError where no two parts can be made.
    """
    if not 0 < test_share < 1:
        raise InputError("test-share", test_share, "outside 0 to 1", "Use 0.3 to hold out 30 % of the queries.")
    table = read_table(path).reset_index(drop=True).drop(columns="split", errors="ignore")
    data = build_labels(table.copy(), str(path), by)
    held_out = _held_out(data, test_share, seed)
    if not held_out.any() or held_out.all():
        cure = "Give more queries, or split by something else."
        raise InputError("labels", f"{data.n} queries", f"too few to hold any out by {by}", cure)
    side = dict(zip(data.query_ids, np.where(held_out, "test", "train")))
    return table.assign(split=table["query_id"].astype(str).map(side))


def _held_out(data: LabelMatrix, share: float, seed: int) -> np.ndarray:
    groups, inverse, sizes = np.unique(data.groups, return_inverse=True, return_counts=True)
    latest_first = np.arange(len(groups))[::-1]
    order = latest_first if data.split_by == "time" else np.random.default_rng(seed).permutation(len(groups))
    before = np.cumsum(sizes[order]) - sizes[order]
    chosen = order[before + sizes[order] / 2 <= share * data.n]
    if not len(chosen) and len(groups) > 1:
        chosen = order[:1]
    return np.isin(inverse, chosen)
