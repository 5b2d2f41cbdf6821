"""Reads label sets larger than memory: every row of the Parquet file is checked, a random part of the queries is kept.

Knows which queries stay, not what is learnt of them. A query stays or goes with all of its rows, by a hash and the
seed, so the same file and seed keep the same queries whatever the order of the rows.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
_END = 2**64 - 1


def read_bounded(path: Path, split_by: SplitBy = "query", most: int = MOST_LABELS, seed: int = 0) -> LabelMatrix:
    """The label set, or of a Parquet file with more than `most` rows so many of its queries as have at most `most` rows
    together, drawn at random; a note says so. Raises InputError and LabelSetError as `read_labels` does."""
    if not outgrows(path, most):
        return read_labels(path, split_by)
    kept, rows = Kept(most), 0
    with bounded_reading(path):
        for batch, table in checked_batches(path):
            rows += len(table)
            kept.add(hash_codes(table["query_id"], seed), batch)
        table = kept.table().to_pandas()
    data = build_labels(table, f"{path} (the part kept)", split_by)
    note = (
        f"{rows:,} labels are more than {most:,} (--most-labels): all were checked, and {len(table):,} labels of "
        f"{data.n:,} of about {kept.of_all(data.n):,} queries, drawn at random, were kept to train on"
    )
    return replace(data, notes=(note, *data.notes))


def outgrows(path: Path, most: int) -> bool:
    """Whether a Parquet file says that it has more rows than `most`. Raises InputError for a number below one."""
    if most < 1:
        raise InputError("most-labels", most, "not a number of labels", "Give 1 or more.")
    return row_count(path) > most


def row_count(path: Path) -> int:
    """How many rows a Parquet file says it has; 0 where it is none, and the usual reader says what is wrong."""
    if path.suffix.lower() != ".parquet" or not path.is_file():
        return 0
    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, pa.ArrowException):
        return 0


@contextmanager
def bounded_reading(path: Path) -> Iterator[None]:
    """Under a limit on memory. Raises InputError where the file takes more, or cannot be read."""
    try:
        with bounded_memory(_MOST_MEMORY):
            yield
    except MemoryError as error:
        cure = "Write it with shorter prompts or smaller row groups."
        raise InputError("labels", str(path), "a part of it unfolds to more than memory", cure) from error
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0][:200]
        problem = f"not a readable Parquet file: {reason}"
        raise InputError("labels", str(path), problem, "Write the file anew.") from error


def checked_batches(path: Path) -> Iterator[tuple[pa.RecordBatch, pd.DataFrame]]:
    """The file's rows in order, as they are and as read. Every row is checked: none is dropped for being wrong."""
    read = 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH):
            rows = np.arange(read, read + batch.num_rows) + 1
            with numbered(rows, str(path)):
                table, _ = check_table(batch.to_pandas(), str(path))
            read += len(table)
            yield batch, table


@contextmanager
def numbered(rows: np.ndarray, name: str) -> Iterator[None]:
    """Let a LabelSetError name rows by these numbers instead of their place in a part."""
    try:
        yield
    except LabelSetError as error:
        moved = [
            InputError(one.field, one.value, one.problem, one.cure, None if one.row is None else int(rows[one.row - 1]))
            for one in error.problems
        ]
        raise LabelSetError(name, moved, error.total) from error


def hash_codes(values: Sequence[str] | pd.Series, seed: int) -> np.ndarray:
    """A 64-bit hash per value (n,), even over its range and the same for equal values."""
    number, names = pd.factorize(np.asarray(values, dtype=object))
    key = str(seed).encode()
    codes = [
        int.from_bytes(hashlib.blake2b(str(name).encode("utf-8", "surrogatepass"), digest_size=8, key=key).digest())
        for name in names
    ]
    return np.array(codes, dtype=np.uint64)[number]


class Kept:
    """Of rows that come in batches, those with the lowest codes: as many whole codes as have at most `most` rows."""

    def __init__(self, most: int) -> None:
        self._most, self._held, self._limit = most, 0, _END
        self._parts: list[tuple[np.ndarray, pa.Table]] = []

    def add(self, codes: np.ndarray, batch: pa.RecordBatch) -> None:
        stays = codes < np.uint64(self._limit)
        self._parts.append((codes[stays], pa.Table.from_batches([batch]).filter(pa.array(stays))))
        self._held += int(stays.sum())
        if self._held > SLACK * self._most:
            self._cut()

    def table(self) -> pa.Table:
        """The rows kept, in the order in which they came."""
        self._cut()
        return pa.concat_tables([part for _, part in self._parts])

    @property
    def limit(self) -> int:
        """The least code that did not stay, once the table was asked for."""
        return self._limit

    def of_all(self, kept: int) -> int:
        """About how many there are in all: codes are even over [0, 2^64), those below the limit are that share."""
        return max(kept, round(kept * 2**64 / self._limit))

    def _cut(self) -> None:
        """At the least code that may not stay if those below it have at most `most` rows; one always stays."""
        codes, counts = np.unique(np.concatenate([codes for codes, _ in self._parts]), return_counts=True)
        fit = max(1, int(np.searchsorted(np.cumsum(counts), self._most, side="right")))
        self._limit = int(codes[fit]) if fit < len(codes) else min(int(codes[-1]) + 1, self._limit)
        cut = []
        for own, part in self._parts:
            stays = own < np.uint64(self._limit)
            cut.append((own[stays], part.filter(pa.array(stays))))
        self._parts, self._held = cut, sum(len(own) for own, _ in cut)
