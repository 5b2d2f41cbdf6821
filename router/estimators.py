"""Estimates of every route for a request. This first estimator knows each route's mean only."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from router.routes import Route


@dataclass(frozen=True)
class Estimates:
    """Per request (row) and route (column), float64: P(correct) with its 95 % interval, tokens, seconds (0: unknown).

    `unlike` (n,) tells from 0 to 1 how unlike the labels a request is; `task` is the given task or the likeliest one.
    """

    p: np.ndarray
    p_low: np.ndarray
    p_high: np.ndarray
    input_tokens: np.ndarray
    output_tokens: np.ndarray
    output_tokens_high: np.ndarray
    seconds: np.ndarray
    unlike: np.ndarray
    task: tuple[str | None, ...]


class Estimator:
    """Base rates per route."""

    def __init__(self, routes: tuple[Route, ...], means: np.ndarray) -> None:
        self.routes, self.means = routes, means

    def predict(
        self, texts: Sequence[str], vectors: np.ndarray, tasks: Sequence[str | None], context_chars: np.ndarray
    ) -> Estimates:
        n = len(texts)
        p, out, high, seconds = (np.tile(row, (n, 1)) for row in self.means)
        tokens = np.tile(np.asarray(context_chars, dtype=np.float64)[:, None] / 4, (1, len(self.routes)))
        low, top = np.clip(p - 0.05, 0, 1), np.clip(p + 0.05, 0, 1)
        return Estimates(p, low, top, tokens, out, high, seconds, np.zeros(n), tuple(tasks))

    def save(self, folder: Path) -> None:
        np.save(folder / "means.npy", self.means)
        (folder / "estimator.json").write_text(json.dumps([route.key for route in self.routes]))

    @classmethod
    def load(cls, folder: Path) -> "Estimator":
        keys = json.loads((folder / "estimator.json").read_text())
        return cls(tuple(map(Route.parse, keys)), np.load(folder / "means.npy", allow_pickle=False))
