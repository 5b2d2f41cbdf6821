"""A label set larger than memory as numbers on disk, read batch by batch: what members that stream are fitted to."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from router.estimate.representation import Representation, RequestRow
from router.labels import LabelMatrix
from router.policy import text_digest
from router.routes import Route
from training.members import frequent
from training.new_models import with_unlabelled
from training.sorted_labels import SortedLabels

# Names of tasks that are counted at once; beyond, the rarer half is forgotten.
MOST_NAMES = 100_000
Embed = Callable[[LabelMatrix], np.ndarray]


@dataclass(frozen=True)
class Batch:
    """Some queries: what a `RequestRow` holds (n, ·), outcomes and amounts (n, R) with NaN for gaps, each one's task
    ("" for none), its code, and the fold of the kept part that it is of (−1: it is not kept)."""

    ids: np.ndarray
    codes: np.ndarray
    judged: np.ndarray
    tasks: np.ndarray
    chars: np.ndarray
    named: np.ndarray
    dense: np.ndarray
    axes: np.ndarray
    vectors: np.ndarray
    correct: np.ndarray
    weight: np.ndarray
    input_tokens: np.ndarray
    output_tokens: np.ndarray
    latency_s: np.ndarray

    def subset(self, rows: np.ndarray) -> "Batch":
        return Batch(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})

    def rows(self) -> list[RequestRow]:
        return [RequestRow(*parts) for parts in zip(self.named, self.dense, self.axes, self.vectors)]

    def numbers(self, names: tuple[str, ...]) -> np.ndarray:
        """(n,): the place of each one's task among `names`, −1 for none of them."""
        place = {name: i for i, name in enumerate(names)}
        return np.array([place.get(str(task), -1) for task in self.tasks], dtype=np.int64)

    def fold(self, folds: int) -> np.ndarray:
        """A fold per query, the same for all of the same words."""
        return ((self.codes >> np.uint64(20)) % np.uint64(folds)).astype(np.int64)


@dataclass(frozen=True)
class LabelStream:
    """Parts of `Batch`es on disk, and what was counted while they were written.

    The frequent tasks, queries, labels, labels outside of each fold of the kept part (folds,); per route (R,) how many
    labels, how many right, the least and the greatest outcome. `most`: labels that may be in memory at once.
    """

    files: tuple[Path, ...]
    tasks: tuple[str, ...]
    queries: int
    labels: int
    outside: np.ndarray
    counts: np.ndarray
    right: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray
    digest: str
    most: int

    def batches(self, without: int | None = None) -> Iterator[Batch]:
        """All queries, or those outside of one fold of the kept part."""
        for file in self.files:
            with np.load(file, allow_pickle=False) as arrays:
                batch = Batch(**arrays)
            yield batch if without is None else batch.subset(batch.judged != without)

    def cells(self, without: int | None = None) -> int:
        """How many labels such batches hold."""
        return self.labels if without is None else int(self.outside[without])


def write_stream(
    source: SortedLabels,
    routes: tuple[Route, ...],
    representation: Representation,
    embed: Embed,
    texts: Path,
    progress: Callable[[float], None],
) -> LabelStream:
    """Turn every part of the sorted labels into numbers beside it. Digests of the texts go to the file `texts`.

    Labels of routes that are not among `routes` are left out, as of models that were retired.
    """
    tasks: Counter[str] = Counter()
    sha = hashlib.sha256()
    files: list[Path] = []
    known = np.zeros((4, len(routes)))
    known[2:] = np.array([[np.inf], [-np.inf]])
    queries, inside = 0, np.zeros(source.folds, dtype=np.int64)
    with texts.open("w") as digests:
        for part in source.parts():
            data = _with_routes(part, routes)
            batch = _batch(data, source, representation, embed(data))
            files.append(source.folder / f"{len(files):04d}.npz")
            np.savez(files[-1], **{one.name: getattr(batch, one.name) for one in fields(batch)})
            tasks.update(task for task in data.tasks if task is not None)
            if len(tasks) > MOST_NAMES:
                tasks = Counter(dict(tasks.most_common(MOST_NAMES // 2)))
            digests.writelines(f"{text_digest(text)}\n" for text in sorted(data.texts))
            sha.update(data.digest().encode())
            there = ~np.isnan(data.correct)
            known[0] += there.sum(axis=0)
            known[1] += np.where(there, data.correct, 0.0).sum(axis=0)
            known[2] = np.minimum(known[2], np.where(there, data.correct, np.inf).min(axis=0, initial=np.inf))
            known[3] = np.maximum(known[3], np.where(there, data.correct, -np.inf).max(axis=0, initial=-np.inf))
            inside += [int(there[batch.judged == fold].sum()) for fold in range(source.folds)]
            queries += data.n
            progress(len(files) / len(source.files))
    counts, right, lowest, highest = known
    names = sorted(tasks)
    return LabelStream(
        files=tuple(files),
        tasks=frequent(np.array(names), np.array([tasks[name] for name in names])),
        queries=queries,
        labels=int(counts.sum()),
        outside=int(counts.sum()) - inside,
        counts=counts,
        right=right,
        lowest=lowest,
        highest=highest,
        digest=sha.hexdigest(),
        most=source.most,
    )


def _with_routes(data: LabelMatrix, routes: tuple[Route, ...]) -> LabelMatrix:
    data = data.with_routes([route for route in routes if route in data.routes])
    missing = [route for route in routes if route not in data.routes]
    return with_unlabelled(data, missing) if missing else data


def _batch(
    data: LabelMatrix,
    source: SortedLabels,
    representation: Representation,
    vectors: np.ndarray,
) -> Batch:
    rows, codes = representation.rows(data.texts, vectors), source.codes(data.texts)
    width = len(representation.axes)
    return Batch(
        ids=np.array(data.query_ids, dtype=np.str_),
        codes=codes,
        judged=source.fold(codes),
        tasks=np.array(["" if task is None else task for task in data.tasks], dtype=np.str_),
        chars=data.context_chars,
        named=np.array([row.named for row in rows]).reshape(data.n, -1),
        # half the size: no head tells the eighth digit
        dense=np.array([row.dense for row in rows], dtype=np.float32).reshape(data.n, representation.width),
        axes=np.array([row.axes for row in rows], dtype=np.float64).reshape(data.n, width),
        vectors=np.asarray(vectors, dtype=np.float32).reshape(data.n, -1),
        correct=data.correct,
        weight=np.ones(data.correct.shape) if data.weight is None else data.weight,
        input_tokens=data.input_tokens,
        output_tokens=data.output_tokens,
        latency_s=data.latency_s,
    )
