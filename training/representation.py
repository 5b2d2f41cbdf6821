"""Learns the constants of a representation from texts and vectors. Sees no outcomes, so folds need no copies of it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.utils.extmath import randomized_svd

from router.estimate.features import text_features
from router.estimate.members import AXES
from router.estimate.representation import Representation
from router.estimate.terms import TERM_COLUMNS, text_terms

TERM_AXES = 64
# Texts that a representation is learned from: more add time, not quality.
MOST_TEXTS = 20_000


def fit_representation(texts: Sequence[Any], vectors: np.ndarray, seed: int) -> Representation:
    if len(texts) > MOST_TEXTS:
        picked = np.random.default_rng(seed).choice(len(texts), MOST_TEXTS, replace=False)
        picked.sort()
        texts, vectors = [texts[i] for i in picked], vectors[picked]
    named = np.stack([text_features(text) for text in texts])
    spread = named.std(axis=0)
    vectors = np.asarray(vectors, dtype=np.float64)
    mean = vectors.mean(axis=0)
    weight, basis, term_mean = _term_basis(texts, seed)
    return Representation(
        named_mean=named.mean(axis=0),
        named_scale=np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-9),
        vector_mean=mean,
        term_weight=weight,
        term_basis=basis,
        term_mean=term_mean,
        axes=_principal_axes(vectors - mean),
    )


def _principal_axes(centred: np.ndarray) -> np.ndarray:
    _, axes = np.linalg.eigh(centred.T @ centred)
    return _signed(axes[:, ::-1][:, :AXES]).T.copy()


def _signed(axes: np.ndarray) -> np.ndarray:
    """Each column with its largest entry positive: a decomposition leaves the sign open."""
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
    return axes * np.where(largest < 0, -1.0, 1.0)


def _term_basis(texts: Sequence[Any], seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    terms = [text_terms(text) for text in texts]
    ends = np.cumsum([0, *(len(columns) for columns, _ in terms)])
    counts = csr_matrix(
        (np.concatenate([c for _, c in terms]), np.concatenate([c for c, _ in terms]), ends),
        shape=(len(texts), TERM_COLUMNS),
    )
    in_texts = counts.getnnz(axis=0)
    weight = np.where(in_texts >= 2, np.log((1 + len(texts)) / (1 + in_texts)) + 1.0, 0.0)
    weighted = counts.multiply(weight).tocsr()
    norm = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    weighted = weighted.multiply(np.divide(1.0, norm, out=np.zeros_like(norm), where=norm > 0)[:, None]).tocsr()
    k = min(TERM_AXES, len(texts) // 4)
    if k < 1 or weighted.nnz == 0:
        return weight, np.zeros((TERM_COLUMNS, 1), dtype=np.float32), np.zeros(1)
    _, _, axes = randomized_svd(weighted, k, random_state=seed, n_iter=3)
    # a request touches a few hundred scattered rows: float32 halves the memory that must be fetched
    basis = _signed(axes.T).astype(np.float32)
    return weight, basis, np.asarray((weighted @ basis).mean(axis=0))
