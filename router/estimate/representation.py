"""What a request is represented by: standardised named features, the centred embedding, and hashed terms projected.

Knows texts and vectors, no outcomes. Everything is computed row by row, so a request gets the same bits alone or in a
batch.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from router.estimate.features import text_features
from router.estimate.terms import text_terms

CLIP = 4.0


@dataclass(frozen=True)
class RequestRow:
    """One request: its named features, the dense vector that linear heads read, embedding axes, and the embedding."""

    named: np.ndarray
    dense: np.ndarray
    axes: np.ndarray
    vector: np.ndarray


@dataclass(frozen=True)
class Representation:
    """Constants learned from the texts alone.

    `named_scale` is 0 for features that never vary. `term_basis` (columns, k) projects weighted terms; `axes` (k, d)
    are the embedding's principal axes, which trees can split on.
    """

    named_mean: np.ndarray
    named_scale: np.ndarray
    vector_mean: np.ndarray
    term_weight: np.ndarray
    term_basis: np.ndarray
    term_mean: np.ndarray
    axes: np.ndarray

    @property
    def width(self) -> int:
        return len(self.named_mean) + len(self.vector_mean) + len(self.term_mean)

    def row(self, text: Any, vector: np.ndarray) -> RequestRow:
        named = text_features(text)
        vector = np.ascontiguousarray(vector, dtype=np.float64)
        centred = vector - self.vector_mean
        scaled = (named - self.named_mean) * self.named_scale
        scaled = np.minimum(np.maximum(scaled, -CLIP), CLIP) / math.sqrt(len(named))
        dense = np.concatenate([scaled, centred, self._terms(text)])
        return RequestRow(named, dense, self.axes @ centred, vector)

    def rows(self, texts: Sequence[Any], vectors: np.ndarray) -> list[RequestRow]:
        return [self.row(text, vector) for text, vector in zip(texts, vectors)]

    def _terms(self, text: Any) -> np.ndarray:
        columns, counts = text_terms(text)
        weights = counts * self.term_weight[columns]
        norm = np.sqrt((weights * weights).sum())
        if not norm > 0:
            return -self.term_mean
        return (weights / norm) @ self.term_basis[columns].astype(np.float64) - self.term_mean
