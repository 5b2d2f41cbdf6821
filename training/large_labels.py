"""Reads label sets larger than memory: every row of the Parquet file is checked, a random part of the queries is kept.

Knows which queries stay, not what is learnt of them. A query stays or goes with all of its rows, by a hash of its id
and the seed, so the same file and seed keep the same queries whatever the order of the rows.
"""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from router.errors import InputError, LabelSetError
from router.labels import LabelMatrix, SplitBy, build_labels, check_table, read_labels
from router.untrusted import bounded_memory

MOST_LABELS = 1_000_000
BATCH = 20_000
# So much more than asked for is held before it is cut back, so that it is not cut at every batch.
SLACK = 1.25
_MOST_MEMORY = 4_000_000_000


def read_bounded(path: Path, split_by: SplitBy = "query", most: int = MOST_LABELS, seed: int = 0) -> LabelMatrix:
    """The label set, or of a Parquet file with more than `most` rows so many of its queries as have at most `most` rows
    together, drawn at random; a note says so. Raises InputError and LabelSetError as `read_labels` does."""
    if most < 1:
        raise InputError("most-labels", most, "not a number of labels", "Give 1 or more.")
    rows = _parquet_rows(path)
    if rows is None or rows <= most:
        return read_labels(path, split_by)
    try:
        with bounded_memory(_MOST_MEMORY):
            table, queries = _sample(path, most, seed)
    except MemoryError as error:
        cure = "Write it with shorter prompts or smaller row groups."
        raise InputError("labels", str(path), "a part of it unfolds to more than memory", cure) from error
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0][:200]
        problem = f"not a readable Parquet file: {reason}"
        raise InputError("labels", str(path), problem, "Write the file anew.") from error
    data = build_labels(table, f"{path} (the part kept)", split_by)
    note = (
        f"{rows:,} labels are more than {most:,} (--most-labels): all were checked, and {len(table):,} labels of "
        f"{data.n:,} of about {queries:,} queries, drawn at random, were kept to train on"
    )
    return replace(data, notes=(note, *data.notes))


def _parquet_rows(path: Path) -> int | None:
    """How many rows a Parquet file says it has; None where it is none, and the usual reader says what is wrong."""
    if path.suffix.lower() != ".parquet" or not path.is_file():
        return None
    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, pa.ArrowException):
        return None


def _sample(path: Path, most: int, seed: int) -> tuple[pd.DataFrame, int]:
    """The rows kept, in the file's order, and about how many queries the file has."""
    kept: list[tuple[np.ndarray, pa.Table]] = []
    limit, held, read = 2**64 - 1, 0, 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH):
            table = batch.to_pandas()
            _check(table, path, read)
            read += len(table)
            codes = _codes(table["query_id"], seed)
            stays = codes < np.uint64(limit)
            kept.append((codes[stays], pa.Table.from_batches([batch]).filter(pa.array(stays))))
            held += int(stays.sum())
            if held > SLACK * most:
                limit = _fitting(kept, most)
                kept, held = _cut(kept, limit)
    limit = _fitting(kept, most)
    kept, _ = _cut(kept, limit)
    queries = len(np.unique(np.concatenate([codes for codes, _ in kept])))
    # codes are even over [0, 2^64): those below the limit are that share of all
    return pa.concat_tables([part for _, part in kept]).to_pandas(), max(queries, round(queries * 2**64 / limit))


def _check(table: pd.DataFrame, path: Path, before: int) -> None:
    """Every row, kept or not: none is dropped for being wrong."""
    try:
        check_table(table, str(path))
    except LabelSetError as error:
        moved = [
            InputError(one.field, one.value, one.problem, one.cure, None if one.row is None else one.row + before)
            for one in error.problems
        ]
        raise LabelSetError(str(path), moved, error.total) from error


def _codes(queries: pd.Series, seed: int) -> np.ndarray:
    """A 64-bit hash per row (n,), the same for the rows of a query."""
    number, names = pd.factorize(queries)
    key = str(seed).encode()
    codes = [
        int.from_bytes(hashlib.blake2b(str(name).encode("utf-8", "surrogatepass"), digest_size=8, key=key).digest())
        for name in names
    ]
    return np.array(codes, dtype=np.uint64)[number]


def _fitting(kept: list[tuple[np.ndarray, pa.Table]], most: int) -> int:
    """The least hash that may not stay, if those below it are to have at most `most` rows; one query always stays."""
    codes, counts = np.unique(np.concatenate([codes for codes, _ in kept]), return_counts=True)
    fit = max(1, int(np.searchsorted(np.cumsum(counts), most, side="right")))
    return int(codes[fit]) if fit < len(codes) else min(int(codes[-1]) + 1, 2**64 - 1)


def _cut(kept: list[tuple[np.ndarray, pa.Table]], limit: int) -> tuple[list[tuple[np.ndarray, pa.Table]], int]:
    cut = []
    for codes, part in kept:
        stays = codes < np.uint64(limit)
        cut.append((codes[stays], part.filter(pa.array(stays))))
    return cut, sum(len(codes) for codes, _ in cut)
