"""The nearest labelled requests and what their outcomes say about each route.

Knows embeddings and outcomes of labelled requests; compares by inner product of L2-normalised vectors. The number of
vectors is bounded by whoever builds the index, so that one look takes bounded time.
"""

from dataclasses import dataclass

import numpy as np

NEAR, WIDE = 8, 32
SOFTNESS = 0.1
PRIOR = 2.0


@dataclass(frozen=True)
class Look:
    """What the neighbours of one request say: residuals against each route's base rate (R,), and similarities."""

    near: np.ndarray
    wide: np.ndarray
    similarity: float
    mean_similarity: float


@dataclass(frozen=True)
class Neighbours:
    """Vectors (n, d) float32 and outcome residuals (n, R) float64 of labelled requests; their query ids, where kept."""

    vectors: np.ndarray
    residuals: np.ndarray
    names: tuple[str, ...] = ()

    def look(self, vector: np.ndarray) -> Look:
        if not len(self.vectors):
            nothing = np.zeros(self.residuals.shape[1])
            return Look(nothing, nothing, 0.0, 0.0)
        return summarise(self.vectors @ vector.astype(np.float32), self.residuals)

    def nearest(self, vector: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and similarities of the nearest, the nearest first."""
        similarity = self.vectors @ vector.astype(np.float32)
        rows = _top(similarity, min(count, len(similarity)))
        return rows, similarity[rows]


def summarise(similarity: np.ndarray, residuals: np.ndarray) -> Look:
    """Outcomes of the most similar, each weighted by how near it comes to the nearest; shrunk towards none.

    A similarity of minus infinity marks a row that must not be looked at.
    """
    rows = _top(similarity, min(WIDE, len(similarity)))
    near = similarity[rows].astype(np.float64)
    if near[-1] == -np.inf:
        rows, near = rows[np.isfinite(near)], near[np.isfinite(near)]
    if not len(near):
        nothing = np.zeros(residuals.shape[1])
        return Look(nothing, nothing, 0.0, 0.0)
    weight = np.exp((near - near[0]) / SOFTNESS)
    outcomes = residuals[rows]
    few = min(NEAR, len(rows))
    return Look(
        near=weight[:few] @ outcomes[:few] / (weight[:few].sum() + PRIOR),
        wide=weight @ outcomes / (weight.sum() + PRIOR),
        similarity=float(near[0]),
        mean_similarity=float(near[:few].sum()) / few,
    )


def _top(similarity: np.ndarray, count: int) -> np.ndarray:
    least = len(similarity) - count
    rows = np.argpartition(similarity, least)[least:] if least else np.arange(count)
    # equal similarities are ordered by row, whatever the partition did
    return rows[np.lexsort((rows, -similarity[rows]))]
