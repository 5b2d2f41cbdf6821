"""What the vectors of two requests say about whether one answer serves both, beyond their cosine.

A cosine counts every dimension alike. Here a linear model weighs each dimension's agreement, its distance and where in
space the two texts lie: what a topic's near neighbours are worth differs from topic to topic. Knows vectors of one
encoder only; knows no words, no trees and no entries.
"""

from dataclasses import dataclass

import numpy as np

BLOCKS = 3  # product, distance, sum


@dataclass(frozen=True)
class PairVectors:
    """`weights` (3, dim) weigh, per dimension, u·v, |u − v| and u + v of two unit vectors; `bias` is added.

    `encoder` is the digest of the weights that make the vectors; empty where it is not known.
    """

    weights: np.ndarray
    bias: float
    encoder: str = ""

    def scores(self, vector: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Log-odds (n,) that each of `others` (n, dim) asks what `vector` (dim,) asks; NaN for vectors of another
        length, which this model cannot read."""
        if vector.shape[-1] != self.weights.shape[1]:
            return np.full(len(others), np.nan)
        product, distance, total = self.weights
        own = self.bias + float(total @ vector)
        return np.asarray(others @ (product * vector + total) + np.abs(others - vector) @ distance + own, float)

    def of_pairs(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """The same (n,) for each row of `first` and of `second` (n, dim)."""
        return np.asarray(pair_blocks(first, second) @ self.weights.ravel() + self.bias, float)

    def as_array(self) -> np.ndarray:
        """The weights, then the bias, in one row: what is stored."""
        return np.append(self.weights.ravel(), self.bias).astype(np.float32)

    @classmethod
    def from_array(cls, flat: np.ndarray, encoder: str) -> "PairVectors":
        """Raises ValueError for an array that `as_array` did not make."""
        if flat.ndim != 1 or len(flat) % BLOCKS != 1 or len(flat) <= BLOCKS or not np.isfinite(flat).all():
            raise ValueError(f"vector weights of shape {flat.shape}")
        return cls(flat[:-1].reshape(BLOCKS, -1).astype(np.float32), float(flat[-1]), encoder)


def pair_blocks(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """What the weights weigh, of pairs of rows: (n, 3 · dim)."""
    return np.hstack([first * second, np.abs(first - second), first + second])
