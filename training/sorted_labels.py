"""Sorts a label set larger than memory by query into parts on disk, each small enough to be read at once.

One pass checks every row, writes it to its query's part, and keeps a random share of the queries in memory: whole
queries, with all others of the same words. The order of rows in the file decides nothing.
"""

import errno
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa

from router.errors import InputError
from router.labels import LabelMatrix, SplitBy, build_labels
from router.routes import Route
from training.large_labels import Kept, bounded_reading, checked_batches, hash_codes, numbered, row_count
from training.new_models import with_unlabelled

# Rows that a part has on average, or as few as may be in memory, and how many parts there may be: beyond 50 million
# rows parts grow with the file.
PART_ROWS, MOST_PARTS = 100_000, 500
# Each judgement of what the others taught leaves out at most this share of the rows, as of five folds one is held out.
LEFT_OUT = 0.2
_ROW = "_row"


@dataclass(frozen=True)
class SortedLabels:
    """`kept`: the queries in memory, of every split; `limit`: the code of words (`codes`) below
    which a query is kept; `folds`: into how many the kept ones fall; `routes` of all labels; `parts`: all queries, the
    kept ones among them. `most`: labels that may be in memory at once."""

    name: str
    kept: LabelMatrix
    limit: int
    folds: int
    routes: tuple[Route, ...]
    rows: int
    most: int
    seed: int
    folder: Path
    files: tuple[Path, ...] = field(repr=False)
    has_train: bool = False

    def parts(self) -> Iterator[LabelMatrix]:
        """All queries to train on, part by part, queries in order of their ids. Raises LabelSetError naming the file's
        own rows."""
        for file in self.files:
            with pa.OSFile(str(file)) as source:
                table = pa.ipc.open_stream(source).read_all()
            if table.num_rows:
                yield self.trained(_matrix(table, self.name, "query"))

    def codes(self, texts: tuple[str, ...]) -> np.ndarray:
        """(n,): equal for texts of the same words, below `limit` for the kept."""
        return hash_codes(_words(pd.Series(texts, dtype=object)), self.seed)

    def fold(self, codes: np.ndarray) -> np.ndarray:
        """(n,): the fold of the kept that each code is of, −1 for those that are not kept."""
        fold = np.minimum(codes / self.limit * self.folds, self.folds - 1).astype(np.int64)
        return np.where(codes < np.uint64(self.limit), fold, -1)

    def trained(self, data: LabelMatrix) -> LabelMatrix:
        """The train part, where any query of the file is in one."""
        if not self.has_train:
            return data
        return data.subset(np.array([one == "train" for one in data.split]))


@contextmanager
def sort_labels(path: Path, most: int, seed: int, split_by: SplitBy, beside: Path) -> Iterator[SortedLabels]:
    """The sorted labels, in a folder beside `beside` that is gone afterwards. At most `most` labels are kept in memory.

    Raises InputError and LabelSetError as `read_labels` does.
    """
    beside.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{beside.name}.labels-", dir=beside.parent) as folder:
        found = _sort(path, most, seed, split_by, Path(folder))
        kept = _all_routes(found.kept, found.routes)
        if not found.trained(kept).n:
            raise InputError("most-labels", most, "none of the queries kept is one to train on", "Give more.")
        yield replace(found, kept=kept)


def _sort(path: Path, most: int, seed: int, split_by: SplitBy, folder: Path) -> SortedLabels:
    rows = row_count(path)
    count = int(np.clip(-(-rows // min(PART_ROWS, most)), 1, MOST_PARTS))
    files = tuple(folder / f"{number:04d}.arrow" for number in range(count))
    kept = Kept(most)
    names: set[tuple[str, str]] = set()
    has_train, read = False, 0
    with bounded_reading(path), _room(folder), ExitStack() as stack:
        writers: list[pa.ipc.RecordBatchStreamWriter] = []
        for batch, table in checked_batches(path):
            batch = batch.append_column(_ROW, pa.array(np.arange(read, read + len(table)) + 1))
            read += len(table)
            if not writers:
                writers = [_writer(stack, file, batch.schema) for file in files]
            names |= set(zip(table["model"], table["effort"]))
            has_train |= "split" in table and bool((table["split"] == "train").any())
            kept.add(hash_codes(_words(table["text"]), seed), batch)
            _deal(batch, hash_codes(table["query_id"], seed) % np.uint64(count), writers)
        table = kept.table()
    data = _matrix(table, str(path), split_by)
    routes = tuple(sorted(Route(model, effort) for model, effort in names))
    folds = int(np.clip(np.ceil(len(table) / (LEFT_OUT * rows)), 1, 1 / LEFT_OUT))
    return SortedLabels(str(path), data, kept.limit, folds, routes, rows, most, seed, folder, files, has_train)


@contextmanager
def _room(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        cure = "Sorting takes about the file's size, and 4 KB a query: make room, or write the policy elsewhere."
        raise InputError("out", str(folder), "no room to sort the labels in", cure) from error


def _writer(stack: ExitStack, file: Path, schema: pa.Schema) -> pa.ipc.RecordBatchStreamWriter:
    sink = stack.enter_context(pa.OSFile(str(file), "wb"))
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    return stack.enter_context(pa.ipc.new_stream(sink, schema, options=options))


def _deal(batch: pa.RecordBatch, part: np.ndarray, writers: list[pa.ipc.RecordBatchStreamWriter]) -> None:
    order = np.argsort(part, kind="stable")
    ends = np.searchsorted(part[order], np.arange(len(writers)), side="right")
    start = 0
    for writer, end in zip(writers, ends):
        if end > start:
            writer.write_batch(batch.take(pa.array(order[start:end])))
        start = end


def _words(texts: pd.Series) -> pd.Series:
    """What texts have in common that must not stand on both sides of a judgement."""
    seen = {text: " ".join(text.lower().split()) for text in texts.unique()}
    return texts.map(seen)


def _matrix(table: pa.Table, name: str, split_by: SplitBy) -> LabelMatrix:
    """Rows as outcomes, in an order that does not depend on the file's."""
    frame = table.to_pandas()
    keys = [column for column in ("query_id", "model", "effort", "correct", _ROW) if column in frame]
    frame = frame.sort_values(keys, kind="stable", ignore_index=True)
    with numbered(frame[_ROW].to_numpy(), name):
        return build_labels(frame.drop(columns=_ROW), name, split_by)


def _all_routes(data: LabelMatrix, routes: tuple[Route, ...]) -> LabelMatrix:
    missing = [route for route in routes if route not in data.routes]
    return with_unlabelled(data, missing) if missing else data
