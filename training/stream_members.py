"""Fits the members of the estimator to a stream of labels, in passes over it: every label teaches, memory is bounded.

Ridge heads, base rates, task means and amounts come from sums, exactly as of all rows at once. Neighbours are a random
few thousand queries, as ever. The trees' rounds are dealt over parts of the cells. What a row's trees read of the other
members comes from folds that the row is not in.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from router.estimate.members import TREE_FEATURES, Members, TaskTable, Views, log_odds, tree_features
from router.estimate.neighbours import Neighbours, summarise
from router.routes import Route
from training.boosting import Cells, boost_parts
from training.label_stream import Batch, LabelStream
from training.members import (
    CHUNK,
    MOST_NEIGHBOURS,
    SHARPNESS,
    TREES,
    pseudo_labels,
    route_facts,
    softmax,
    task_loss,
    tree_parameters,
)
from training.moments import SummedHeads, heads_of, sum_moments
from training.outcomes import Prior
from training.stream_targets import AmountTargets, Batches, OutcomeTargets, amount_targets, outcome_targets
from training.usage import SMALLEST_SECONDS, SMALLEST_TOKENS, LearntAmounts

FOLDS = 5
# Cells that the trees hold at once at most, about 320 bytes each while they are made and 100 while they teach.
# Beyond TREES such parts, 50 million labels, parts grow with the file.
TREE_CELLS = 500_000
# Queries whose tasks say how sharply the classifier of tasks should speak: it is one number.
SHARPENED_ON = 20_000


@dataclass(frozen=True)
class Streamed:
    """What a stream taught: the members, what their heads explain, and the heads of tokens and seconds (None where
    nobody measured any)."""

    members: Members
    explained: dict[str, float]
    tokens: LearntAmounts | None
    seconds: LearntAmounts | None


@dataclass(frozen=True)
class StreamedTable:
    """The task table, and for each fold the tasks' mean residuals (folds, T, R) that its rows had no part in and
    whether a task is absent outside of it (folds, T)."""

    table: TaskTable
    without: np.ndarray
    absent: np.ndarray

    def views(self, scores: np.ndarray, fold: np.ndarray) -> np.ndarray:
        """(n, R): what the table says of rows whose tasks are scored by heads that had not seen them."""
        posterior = softmax(self.table.sharpness * scores + self.table.offset, self.absent[fold])
        return np.einsum("nt,ntr->nr", posterior, self.without[fold])


def stream_members(
    stream: LabelStream, routes: tuple[Route, ...], prior: Prior | None, seed: int, without: int | None = None
) -> Streamed:
    """Fit to all labels, or to those outside of one fold of the kept part."""
    names = stream.tasks

    def batches() -> Iterator[Batch]:
        return stream.batches(without)

    outcomes = outcome_targets(batches, prior)
    amounts = [
        amount_targets(batches, "output_tokens", SMALLEST_TOKENS),
        amount_targets(batches, "latency_s", SMALLEST_SECONDS),
    ]
    targets: list[OutcomeTargets | AmountTargets] = [outcomes, *(one for one in amounts if one is not None)]
    tied_from = len(routes) * len(targets)

    def taught() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        for batch in batches():
            columns = [*(one.of(batch) for one in targets), _membership(batch, names)]
            yield batch.dense, np.hstack(columns), batch.fold(FOLDS)

    every = heads_of(sum_moments(taught(), FOLDS), tied_from)
    heads = every.columns(0, len(routes))
    table = _fit_table(batches, every.columns(tied_from, None), names, outcomes)
    neighbours, codes = _neighbours(batches, outcomes)
    facts = route_facts(routes, outcomes.base)
    cells = stream.cells(without)
    count = max(1, min(TREES, -(-cells // min(TREE_CELLS, stream.most))))
    views = (
        (batch, _views(batch, outcomes, heads, every.columns(tied_from, None), table, neighbours, codes))
        for batch in batches()
    )
    parts = _parts(_tree_cells(views, outcomes, facts), -(-cells // count))
    members = Members(
        base=outcomes.base,
        linear=outcomes.basis @ heads.weights,
        linear_offset=outcomes.basis @ heads.offset,
        tasks=table.table,
        neighbours=neighbours,
        route_facts=facts,
        booster=boost_parts(parts, count, tree_parameters(-(-cells // count), seed), TREES),
    )
    learnt, place = [], len(routes)
    for one in amounts:
        learnt.append(None if one is None else _learnt(one, every.columns(place, place + len(routes))))
        place += 0 if one is None else len(routes)
    best = float(heads.explained[1:].max()) if len(routes) > 1 else 0.0
    explained = {"level_explained": float(heads.explained[0]), "best_contrast_explained": best}
    return Streamed(members, explained, *learnt)


def _learnt(targets: AmountTargets, heads: SummedHeads) -> LearntAmounts:
    return LearntAmounts(
        targets.basis @ heads.weights, targets.basis @ heads.offset, targets.centre, targets.least, targets.most
    )


def _membership(batch: Batch, names: tuple[str, ...]) -> np.ndarray:
    return (batch.numbers(names)[:, None] == np.arange(len(names))).astype(np.float64)


def _fit_table(batches: Batches, heads: SummedHeads, names: tuple[str, ...], outcomes: OutcomeTargets) -> StreamedTable:
    routes = len(outcomes.base)
    if len(names) < 2:
        empty = TaskTable((), np.zeros((0, routes)), heads.weights[:0], np.zeros(0), 0.0)
        return StreamedTable(empty, np.zeros((FOLDS, 0, routes)), np.zeros((FOLDS, 0), dtype=bool))
    counts, sums = np.zeros((FOLDS, len(names))), np.zeros((FOLDS, len(names), routes))
    squares, of_all, queries = np.zeros(routes), np.zeros(routes), 0
    for batch in batches():
        turned, fold, member = outcomes.of(batch), batch.fold(FOLDS), _membership(batch, names)
        for one in np.unique(fold):
            counts[one] += member[fold == one].sum(axis=0)
            sums[one] += member[fold == one].T @ turned[fold == one]
        named = turned[member.any(axis=1)]
        squares += (named**2).sum(axis=0)
        of_all += named.sum(axis=0)
        queries += len(fold)
    total, every = counts.sum(axis=0), sums.sum(axis=0)
    means = (every / np.maximum(total, 1)[:, None]).T
    within = np.maximum(squares - (total * means**2).sum(axis=1), 0.0)
    pseudo = pseudo_labels(total, means, within, of_all / max(total.sum(), 1))
    without = (every - sums) / ((total - counts)[:, :, None] + pseudo) @ outcomes.basis.T
    absent = total - counts == 0
    # a task that the stream lacks (it is among the kept only) is as rare as can be
    prior = np.log(np.maximum(total, 0.5) / max(queries, 1))
    sharpness = _sharpness(batches, heads, names, prior, absent)
    all_of_it = every / (total[:, None] + pseudo) @ outcomes.basis.T
    table = TaskTable(names, all_of_it + outcomes.base, heads.weights, prior, sharpness)
    return StreamedTable(table, without, absent)


def _sharpness(
    batches: Batches, heads: SummedHeads, names: tuple[str, ...], prior: np.ndarray, absent: np.ndarray
) -> float:
    losses, seen = np.zeros(len(SHARPNESS)), 0
    for batch in batches():
        fold = batch.fold(FOLDS)
        scores, numbers = heads.out_of_fold(batch.dense, fold) - heads.offset, batch.numbers(names)
        found = [task_loss(one * scores + prior, absent[fold], numbers) for one in SHARPNESS]
        losses, seen = losses + len(fold) * np.array(found), seen + len(fold)
        if seen >= SHARPENED_ON:
            break
    return float(SHARPNESS[int(losses.argmin())])


def _neighbours(batches: Batches, outcomes: OutcomeTargets) -> tuple[Neighbours, np.ndarray]:
    """Queries drawn at random by the last bits of their codes, which say neither fold nor part; and their codes."""
    kept: list[tuple[np.ndarray, ...]] = []
    for batch in batches():
        drawn = batch.codes & np.uint64(0xFFFFF)
        kept.append((drawn, batch.codes, batch.ids, batch.vectors, outcomes.residual(batch)))
        joined = [np.concatenate(parts) for parts in zip(*kept)]
        lowest = np.lexsort((joined[2], joined[0]))[:MOST_NEIGHBOURS]
        kept = [tuple(part[lowest] for part in joined)]
    _, codes, ids, vectors, residual = kept[0]
    return Neighbours(vectors, residual, tuple(map(str, ids))), codes


def _views(
    batch: Batch,
    outcomes: OutcomeTargets,
    heads: SummedHeads,
    task_heads: SummedHeads,
    table: StreamedTable,
    neighbours: Neighbours,
    codes: np.ndarray,
) -> list[Views]:
    """What the other members say of rows, each row's own fold left out, and its own words among the neighbours."""
    fold = batch.fold(FOLDS)
    linear = heads.out_of_fold(batch.dense, fold) @ outcomes.basis.T
    said = np.zeros_like(linear)
    if table.table.names:
        said = table.views(task_heads.out_of_fold(batch.dense, fold) - task_heads.offset, fold)
    looks = []
    for start in range(0, len(fold), CHUNK):
        similarity = batch.vectors[start : start + CHUNK] @ neighbours.vectors.T
        similarity[batch.codes[start : start + CHUNK, None] == codes] = -np.inf
        looks += [summarise(row, neighbours.residuals) for row in similarity]
    return [Views(looks[i], said[i], linear[i], None, None) for i in range(len(fold))]


def _tree_cells(
    views: Iterator[tuple[Batch, list[Views]]], outcomes: OutcomeTargets, facts: np.ndarray
) -> Iterator[Cells]:
    for batch, seen in views:
        if not seen:
            continue
        known = ~np.isnan(batch.correct).ravel()
        features = [tree_features(row, view, facts).astype(np.float32) for row, view in zip(batch.rows(), seen)]
        yield Cells(
            np.concatenate(features)[known],
            batch.correct.ravel()[known],
            np.tile(log_odds(outcomes.base), len(seen))[known],
            batch.weight.ravel()[known],
            TREE_FEATURES,
        )


def _parts(cells: Iterator[Cells], size: int) -> Iterator[Cells]:
    """The same cells in parts of so many; the last has what is left."""
    held: list[Cells] = []
    for one in cells:
        held.append(one)
        while sum(len(part.labels) for part in held) > size:
            joined = _joined(held)
            yield joined.rows(slice(0, size))
            held = [joined.rows(slice(size, None))]
    if held:
        yield _joined(held)


def _joined(parts: list[Cells]) -> Cells:
    def column(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])

    return Cells(column("features"), column("labels"), column("start"), column("weight"), parts[0].names)
