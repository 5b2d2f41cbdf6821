"""Whether the efforts of one model should be kept in their order: where that explains held-out labels no worse."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from router.estimate.effort_order import effort_ladders, in_order
from router.routes import Route

Ladders = tuple[tuple[int, ...], ...]


def choose_order(
    p: np.ndarray, correct: np.ndarray, routes: Sequence[Route], weight: np.ndarray | None = None
) -> tuple[Ladders, dict[str, Any] | None]:
    """The ladders to keep in order, none or all, by the log loss of out-of-fold estimates (n, R), each cell by its
    weight; and what was found."""
    ladders = effort_ladders(routes)
    if not ladders:
        return (), None
    counts = ~np.isnan(correct) * (1.0 if weight is None else weight)
    ordered = np.stack([in_order(row, ladders) for row in p])
    change = _losses(ordered, correct, counts) - _losses(p, correct, counts)
    error = float(change.std() / np.sqrt(len(change)))
    kept = float(change.mean()) <= 0
    told = {"models": len(ladders), "kept": kept, "log_loss_change": float(change.mean()), "standard_error": error}
    return (ladders if kept else ()), told


def _losses(p: np.ndarray, correct: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Log loss per query (n,), the mean over its labelled routes."""
    y, p = np.nan_to_num(correct), np.clip(p, 1e-4, 1 - 1e-4)
    cells = -(y * np.log(p) + (1 - y) * np.log(1 - p)) * counts
    return cells.sum(axis=1) / np.maximum(counts.sum(axis=1), 1e-12)
