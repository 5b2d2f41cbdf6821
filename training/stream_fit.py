"""Fits the estimator to a label set larger than memory: members to a stream of all labels, judged by the kept part.

The members are fitted twice. Fitted to all but the kept queries, they show on these what held-out requests get: blend,
calibration, intervals, scales of amounts and operating points come from there, so what calibrates was not fitted on.
Fitted to all, they are what serves. What requests of unknown tasks get is learnt within the kept part.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from router.errors import InputError
from router.estimate.representation import Representation
from router.labels import LabelMatrix
from router.prices import PriceBook
from training.blend import Said
from training.boosting import Boost
from training.estimators import FOLDS, FittedEstimator, Progress, assemble, hold_out, other_pass
from training.judging import HeldOut, ask, judge
from training.label_stream import Embed, LabelStream, write_stream
from training.members import Examples
from training.new_models import prior_of
from training.outcomes import Prior, read_outcomes
from training.representation import fit_representation
from training.sorted_labels import SortedLabels
from training.stream_members import Streamed, stream_members
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
    if not stream.outside:
        raise InputError("most-labels", source.most, "all labels are of the queries kept to judge", "Give more.")
    prior = prior_of(kept.routes, stream.counts, stream.right, float(stream.right.sum()), book, at)
    progress("members without the kept part", 0.4)
    outside = stream_members(stream, kept.routes, prior, seed, kept=False)
    examples = _examples(kept, representation, vectors, prior)
    near = _asked(outside, examples, kept.folds(FOLDS, seed))
    progress("tasks left out", 0.6)
    own, other = _both(kept, near, examples, seed, boost, lambda share: progress("tasks left out", 0.6 + 0.1 * share))
    judged = judge(kept, own, other)
    progress("members of all labels", 0.7)
    every = stream_members(stream, kept.routes, prior, seed)
    used = _usage(kept, examples, outside, every, near.folds)
    fitted = assemble(kept, representation, every.members, judged, used, every.explained, seed)
    progress("estimator", 1.0)
    return LargeFit(fitted, stream, digests)


def _examples(kept: LabelMatrix, representation: Representation, vectors: np.ndarray, prior: Prior | None) -> Examples:
    rows = tuple(representation.rows(kept.texts, vectors))
    outcomes = read_outcomes(kept.correct, prior, kept.weight)
    return Examples(rows, kept.tasks, kept.groups, outcomes, kept.routes, kept.query_ids)


def _asked(outside: Streamed, examples: Examples, folds: np.ndarray) -> HeldOut:
    """What members that saw none of these queries say of them; blends are cross-fitted over `folds`."""
    asked, outcomes = ask(outside.members, examples, range(len(examples.rows))), examples.outcomes
    base = np.tile(asked.base, (len(examples.rows), 1))
    unknown, given = (
        Said(base, one, outcomes.correct, outcomes.known, outcomes.weight) for one in (asked.said, asked.given)
    )
    return HeldOut(unknown, given, np.array(asked.similarity), folds, examples.groups, asked.tasks)


def _both(
    kept: LabelMatrix, near: HeldOut, examples: Examples, seed: int, boost: Boost, progress: Callable[[float], None]
) -> tuple[HeldOut, HeldOut | None]:
    """The pass that the label set asks for, and the other: queries by the stream, tasks within the kept part."""
    if kept.split_by == "task":
        return hold_out(examples, kept.folds(FOLDS, seed), kept.groups, seed, boost, progress), near
    return near, other_pass(kept, examples, seed, boost, progress)


def _usage(kept: LabelMatrix, examples: Examples, outside: Streamed, every: Streamed, folds: np.ndarray) -> FittedUsage:
    dense = np.stack([row.dense for row in examples.rows])
    tokens, seconds = (
        _amounts(dense, values, judges, taught, folds, smallest, assumed)
        for values, judges, taught, smallest, assumed in (
            (kept.output_tokens, outside.tokens, every.tokens, SMALLEST_TOKENS, True),
            (kept.latency_s, outside.seconds, every.seconds, SMALLEST_SECONDS, False),
        )
    )
    return FittedUsage(fit_input_tokens(kept.input_tokens, kept.context_chars), tokens, seconds)


def _amounts(
    dense: np.ndarray,
    values: np.ndarray,
    judges: LearntAmounts | None,
    taught: LearntAmounts | None,
    folds: np.ndarray,
    smallest: float,
    assumed: bool,
) -> FittedAmounts:
    """Heads of all labels, scaled as those that had not seen the kept part need it on the kept part."""
    if judges is None or taught is None or not np.isfinite(values).any():
        return unmeasured(dense.shape[1], len(values), values.shape[1], assumed)
    return scaled(taught, dense @ judges.weights.T + judges.offset + judges.centre, values, folds, smallest)
