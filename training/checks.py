"""What a label set should make its owner think, said before training starts. Refuses only what cannot be trained on."""

from collections import Counter

import numpy as np

from router.encoders import HashingEncoder
from router.labels import LabelMatrix
from router.routes import Route, effort_rank

# Cosine of hashed word and word-pair counts from which two prompts are called near-duplicates: about one word in
# twenty differs. Words rather than the encoder's vectors, so that held-out prompts need no embedding to train.
NEAR_COSINE = 0.9
WORD_DIM = 1024
SHOWN = 3
_BLOCK = 2048


def label_notes(data: LabelMatrix) -> list[str]:
    """Findings about the labels themselves, most serious first."""
    known = ~np.isnan(data.correct)
    bounds = [np.where(known, data.correct, end).T for end in (np.inf, -np.inf)]
    lowest, highest = bounds[0].min(axis=1, initial=np.inf), bounds[1].max(axis=1, initial=-np.inf)
    return [*data.notes, *count_notes(data.routes, data.n, known.sum(axis=0), lowest, highest)]


def count_notes(
    routes: tuple[Route, ...], queries: int, counts: np.ndarray, lowest: np.ndarray, highest: np.ndarray
) -> list[str]:
    """What the counts of labels, and the least and greatest outcome, of each route (R,) say."""
    notes = []
    if queries < 50:
        notes.append(f"only {queries} queries: estimates will hardly leave the routes' means")
    if len(routes) == 1:
        notes.append("one route only: there is nothing to choose between")
    for route, count, low, high in zip(routes, counts, lowest, highest):
        if count < 30:
            notes.append(f"{route.key} has {int(count)} labels only")
        elif low == high:
            notes.append(f"{route.key} is always {'right' if low else 'wrong'}: its labels cannot tell when it pays")
    unordered = sorted({route.effort for route in routes if effort_rank(route.effort) is None} - {"default"})
    if unordered:
        notes.append(f"efforts outside the known order, treated as unrelated: {', '.join(unordered)}")
    missing = 1 - counts.sum() / max(queries * len(routes), 1)
    if missing > 0.01:
        notes.append(f"{missing:.1%} of the cells (query, route) are missing")
    return notes


def twin_notes(data: LabelMatrix) -> list[str]:
    """Near-duplicate prompts that stand on both sides of a split, found by the words that they share."""
    sides = np.array([side or "" for side in data.split])
    if len(set(sides)) < 2:
        return []
    pairs = _near_pairs(HashingEncoder(WORD_DIM).encode(data.texts), sides)
    if not pairs:
        return []
    named = "; ".join(f"{data.query_ids[i]} ~ {data.query_ids[j]}" for i, j in pairs[:SHOWN])
    across = Counter("/".join(sorted((sides[i], sides[j]))) for i, j in pairs)
    where = ", ".join(f"{count} across {names}" for names, count in across.items())
    return [f"near-duplicate prompts on both sides of a split (word cosine ≥ {NEAR_COSINE}): {where}, such as {named}"]


def _near_pairs(vectors: np.ndarray, sides: np.ndarray) -> list[tuple[int, int]]:
    """Each query with its nearest one on another side, where that is near enough; blockwise, so memory stays small."""
    pairs: set[tuple[int, int]] = set()
    for side in sorted(set(sides)):
        here, there = np.flatnonzero(sides == side), np.flatnonzero(sides != side)
        for start in range(0, len(here), _BLOCK):
            block = here[start : start + _BLOCK]
            cosine = vectors[block] @ vectors[there].T
            near = cosine.max(axis=1) >= NEAR_COSINE
            twins = zip(block[near].tolist(), there[cosine.argmax(axis=1)[near]].tolist())
            pairs.update((min(twin), max(twin)) for twin in twins)
    return sorted(pairs)
