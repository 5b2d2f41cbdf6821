"""Whether the efforts of one model should be kept in their order: where that explains held-out labels no worse."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from router.estimate.effort_order import effort_ladders, in_order
from router.routes import Route

Ladders = tuple[tuple[int, ...], ...]


def choose_order(p: np.ndarray, correct: np.ndarray, routes: Sequence[Route]) -> tuple[Ladders, dict[str, Any] | None]:
    """The ladders to keep in order, none or all, judged on out-of-fold estimates (n, R); and what was found.

    Order is the simpler belief, so it holds unless it costs more log loss per query than twice the standard error.
    """
    ladders = effort_ladders(routes)
    if not ladders:
        return (), None
    change = _losses(np.stack([in_order(row, ladders) for row in p]), correct) - _losses(p, correct)
    error = float(change.std() / np.sqrt(len(change)))
    kept = float(change.mean()) <= 2 * error
    told = {"models": len(ladders), "kept": kept, "log_loss_change": float(change.mean()), "standard_error": error}
    return (ladders if kept else ()), told


def _losses(p: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """Log loss per query (n,), the mean over its labelled routes."""
    known, y = ~np.isnan(correct), np.nan_to_num(correct)
    p = np.clip(p, 1e-4, 1 - 1e-4)
    cells = np.where(known, -(y * np.log(p) + (1 - y) * np.log(1 - p)), 0.0)
    return cells.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
