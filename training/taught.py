"""What a label set taught, whether it was in memory or streamed, and what the policy's folder will say of it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from router.labels import LabelMatrix
from router.policy import text_digest
from router.prices import PriceBook
from training.boosting import Boost
from training.checks import count_notes, label_notes
from training.estimators import FittedEstimator, Progress, fit_estimator
from training.label_stream import Embed
from training.new_models import base_prior
from training.sorted_labels import SortedLabels
from training.stream_fit import fit_stream


@dataclass(frozen=True)
class Taught:
    """The fitted estimator, whose out-of-fold estimates are of the labels in memory; digest, queries and labels of all
    that taught; what to know of them; and `write_texts`, which writes a digest of each text to a file."""

    fitted: FittedEstimator
    digest: str
    queries: int
    labels: int
    notes: tuple[str, ...]
    write_texts: Callable[[Path], object]


def teach(
    data: LabelMatrix,
    large: SortedLabels | None,
    embed: Embed,
    *,
    seed: int,
    book: PriceBook,
    at: datetime,
    boost: Boost,
    progress: Progress,
) -> Taught:
    """`data` are the labels in memory: all of them, or the part of `large` that judges what all of `large` taught."""
    if large is not None:
        return _stream(data, large, embed, seed=seed, book=book, at=at, boost=boost, progress=progress)
    prior = base_prior(data, book, at)
    fitted = fit_estimator(data, embed(data), seed=seed, prior=prior, boost=boost, progress=progress)
    labels = int((~np.isnan(data.correct)).sum())
    digests = "".join(f"{text_digest(text)}\n" for text in sorted(data.texts))
    return Taught(
        fitted, data.digest(), data.n, labels, tuple(label_notes(data)), lambda path: path.write_text(digests)
    )


def _stream(
    data: LabelMatrix,
    large: SortedLabels,
    embed: Embed,
    *,
    seed: int,
    book: PriceBook,
    at: datetime,
    boost: Boost,
    progress: Progress,
) -> Taught:
    found = fit_stream(large, data, embed, seed=seed, book=book, at=at, boost=boost, progress=progress)
    stream = found.stream
    note = (
        f"{large.rows:,} labels are too many to hold (--most-labels): the {stream.labels:,} of {stream.queries:,} "
        f"queries to train on streamed from the file and all taught; {data.n:,} of these queries, drawn at random, "
        "were kept in memory and judge what the others taught"
    )
    notes = count_notes(data.routes, stream.queries, stream.counts, stream.lowest, stream.highest)
    kept = (f"in the kept part, {one}" for one in data.notes)
    return Taught(
        found.fitted,
        stream.digest,
        stream.queries,
        stream.labels,
        (note, *notes, *kept),
        lambda path: shutil.copyfile(found.digests, path),
    )
