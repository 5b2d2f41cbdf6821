"""Fits the estimator to a label set larger than memory: members to a stream of all labels, judged by the kept part.

Fitted to all but some kept queries, members show on these what held-out requests get: blend, calibration, intervals,
scales of amounts and operating points come from there, so what calibrates was not fitted on. The kept part is left out
whole where it is a small share of all, else fold by fold. Fitted to all, members are what serves. What requests of
unknown tasks get is learnt within the kept part.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from router.errors import InputError
from router.estimate.members import MEMBERS
from router.estimate.representation import Representation
from router.labels import LabelMatrix
from router.prices import PriceBook
from training.blend import Said
from training.boosting import Boost
from training.estimators import FOLDS, FittedEstimator, Progress, assemble, even_folds, hold_out, other_pass
from training.judging import HeldOut, ask, judge
from training.label_stream import Embed, LabelStream, write_stream
from training.members import Examples
from training.new_models import prior_of
from training.outcomes import Prior, read_outcomes
from training.representation import fit_representation
from training.sorted_labels import SortedLabels
from training.stream_members import stream_members
from training.usage import (
    SMALLEST_SECONDS,
    SMALLEST_TOKENS,
    FittedAmounts,
    FittedUsage,
    LearntAmounts,
    fit_input_tokens,
    scaled,
    unmeasured,
)


@dataclass(frozen=True)
class LargeFit:
    """The fitted estimator, whose out-of-fold estimates are of the kept part; the stream that taught it; and a file
    with a digest of each text, one a line."""

    fitted: FittedEstimator
    stream: LabelStream
    digests: Path


def fit_stream(
    source: SortedLabels,
    kept: LabelMatrix,
    embed: Embed,
    *,
    seed: int,
    book: PriceBook,
    at: datetime,
    boost: Boost,
    progress: Progress,
) -> LargeFit:
    """Fit to all labels of `source`; `kept` is its kept part with the routes to learn. `boost` fits the trees that the
    kept part needs alone. Deterministic for a seed, whatever the order of the file's rows.

    Raises InputError where only kept queries are labelled.
    """
    vectors = embed(kept)
    representation = fit_representation(kept.texts, vectors, seed)
    digests = source.folder / "digests.txt"
    stream = write_stream(
        source, kept.routes, representation, embed, digests, lambda share: progress("parts", 0.4 * share)
    )
    if not stream.outside.all():
        raise InputError("most-labels", source.most, "all labels are of the queries kept to judge", "Give more.")
    prior = prior_of(kept.routes, stream.counts, stream.right, float(stream.right.sum()), book, at)
    examples = _examples(kept, representation, vectors, prior)
    progress("members without the kept part", 0.4)
    near, tokens, seconds = _held_out(stream, examples, source.fold(source.codes(kept.texts)), prior, seed)
    progress("tasks left out", 0.6)
    own, other = _both(kept, near, examples, seed, boost, lambda share: progress("tasks left out", 0.6 + 0.1 * share))
    judged = judge(kept, own, other)
    progress("members of all labels", 0.7)
    every = stream_members(stream, kept.routes, prior, seed)
    width = representation.width
    used = FittedUsage(
        fit_input_tokens(kept.input_tokens, kept.context_chars),
        _amounts(every.tokens, tokens, kept.output_tokens, near.folds, SMALLEST_TOKENS, width, assumed=True),
        _amounts(every.seconds, seconds, kept.latency_s, near.folds, SMALLEST_SECONDS, width, assumed=False),
    )
    fitted = assemble(kept, representation, every.members, judged, used, every.explained, seed)
    progress("estimator", 1.0)
    return LargeFit(fitted, stream, digests)


def _examples(kept: LabelMatrix, representation: Representation, vectors: np.ndarray, prior: Prior | None) -> Examples:
    rows = tuple(representation.rows(kept.texts, vectors))
    outcomes = read_outcomes(kept.correct, prior, kept.weight)
    return Examples(rows, kept.tasks, kept.groups, outcomes, kept.routes, kept.query_ids)


def _held_out(
    stream: LabelStream, examples: Examples, judged: np.ndarray, prior: Prior | None, seed: int
) -> tuple[HeldOut, np.ndarray, np.ndarray]:
    """What members say of each fold of the kept queries (`judged`, (n,)) when fitted to all others, and the logarithms
    of tokens and seconds (n, R) that heads fitted so expect, NaN where none were measured."""
    n, routes = examples.outcomes.correct.shape
    base, similarity = np.empty((n, routes)), np.empty(n)
    said, given = np.empty((2, n, len(MEMBERS), routes))
    tokens, seconds = np.full((2, n, routes), np.nan)
    tasks: list[str | None] = [None] * n
    for fold in np.unique(judged):
        held = np.flatnonzero(judged == fold)
        taught = stream_members(stream, examples.routes, prior, seed, without=int(fold))
        asked = ask(taught.members, examples, held)
        base[held], said[held], given[held], similarity[held] = asked.base, asked.said, asked.given, asked.similarity
        for i, task in zip(held, asked.tasks):
            tasks[i] = task
        dense = np.stack([examples.rows[i].dense for i in held])
        for amounts, heads in ((tokens, taught.tokens), (seconds, taught.seconds)):
            if heads is not None:
                amounts[held] = dense @ heads.weights.T + heads.offset + heads.centre
    outcomes = examples.outcomes
    unknown, known = (Said(base, one, outcomes.correct, outcomes.known, outcomes.weight) for one in (said, given))
    # blends are cross-fitted over folds of their own: even ones, however many the kept part fell into
    folds = even_folds(examples.groups, FOLDS, seed + 3)
    return HeldOut(unknown, known, similarity, folds, examples.groups, tuple(tasks)), tokens, seconds


def _both(
    kept: LabelMatrix, near: HeldOut, examples: Examples, seed: int, boost: Boost, progress: Callable[[float], None]
) -> tuple[HeldOut, HeldOut | None]:
    """The pass that the label set asks for, and the other: queries by the stream, tasks within the kept part."""
    if kept.split_by == "task":
        return hold_out(examples, kept.folds(FOLDS, seed), kept.groups, seed, boost, progress), near
    return near, other_pass(kept, examples, seed, boost, progress)


def _amounts(
    taught: LearntAmounts | None,
    expected: np.ndarray,
    values: np.ndarray,
    folds: np.ndarray,
    smallest: float,
    width: int,
    assumed: bool,
) -> FittedAmounts:
    """Heads of all labels, scaled by what those that had not seen the kept queries expected of them (n, R)."""
    if taught is None or np.isnan(expected).any() or not np.isfinite(values).any():
        return unmeasured(width, len(values), values.shape[1], assumed)
    return scaled(taught, expected, values, folds, smallest)
