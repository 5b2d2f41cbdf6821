"""Estimates of every route for a request: P(correct) with an interval, tokens, seconds. Inference only.

Each request is worked out on its own, with the same operations on the same shapes, so it gets the same bits alone or in
a batch. Knows no prices. Files are numpy arrays, LightGBM's text and JSON; loading runs no code from them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from router.estimate.blend import NO_DRIFT, Blend, Drift, Evidence, Familiarity, log_odds_of, probability
from router.estimate.effort_order import in_order
from router.estimate.files import read_parts, write_parts
from router.estimate.members import Members, Views
from router.estimate.representation import Representation, RequestRow
from router.estimate.usage import Usage
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

    def row(self, i: int) -> "Estimates":
        """Those of one request alone."""
        return Estimates(**{one.name: getattr(self, one.name)[i : i + 1] for one in fields(self)})


@dataclass(frozen=True)
class Blends:
    """One blend for requests like the labels and one for others, each with the task unknown and given; `ladders` are
    the columns of efforts to keep in order."""

    familiar: Blend
    familiar_task: Blend
    unfamiliar: Blend
    familiarity: Familiarity
    ladders: tuple[tuple[int, ...], ...] = ()

    def p(self, base: np.ndarray, members: np.ndarray, unlike: float, given: bool) -> np.ndarray:
        near, far = log_odds_of((self.familiar_task if given else self.familiar, self.unfamiliar), base, members)
        return in_order(probability((1.0 - unlike) * near + unlike * far), self.ladders)


class Estimator:
    """Everything fitted to one label set."""

    def __init__(
        self,
        routes: tuple[Route, ...],
        representation: Representation,
        members: Members,
        blends: Blends,
        evidence: Evidence,
        usage: Usage,
        drift: Drift = NO_DRIFT,
    ) -> None:
        self.routes, self.representation, self.members = routes, representation, members
        self.blends, self.evidence, self.usage, self.drift = blends, evidence, usage, drift

    def predict(
        self, texts: Sequence[str], vectors: np.ndarray, tasks: Sequence[str | None], context_chars: np.ndarray
    ) -> Estimates:
        rows = self.representation.rows(texts, vectors)
        views = [self.members.views(row, task) for row, task in zip(rows, tasks)]
        shape = (len(rows), len(self.routes))
        table = np.empty((7, *shape))
        unlike = np.empty(len(rows))
        if rows:
            said = self.members.log_odds(rows, views)
            for i, (row, view) in enumerate(zip(rows, views)):
                unlike[i] = self.blends.familiarity.unlike(view.look.mean_similarity)
                table[:, i] = self._estimate(row, view, said[i], unlike[i], float(context_chars[i]))
        return Estimates(*table, unlike, tuple(view.task for view in views))  # type: ignore[call-arg]

    def _estimate(self, row: RequestRow, view: Views, said: np.ndarray, unlike: float, chars: float) -> np.ndarray:
        p = self.blends.p(self.members.base_log_odds, said, unlike, view.given_table is not None)
        # a task that the labels name is no new family, however unlike them a request of it reads
        low, high = self.evidence.interval(p, unlike, self.drift if view.given_table is None else NO_DRIFT)
        mean, most = self.usage.output_tokens.estimate(row.dense)
        seconds, _ = self.usage.seconds.estimate(row.dense)
        return np.stack([p, low, high, self.usage.input_tokens.estimate(chars), mean, most, seconds])

    def save(self, folder: Path) -> None:
        """Write every part into an existing folder."""
        write_parts(folder, self.routes, {name: getattr(self, name) for name in _PARTS})

    @classmethod
    def load(cls, folder: Path) -> "Estimator":
        routes, parts = read_parts(folder, _PARTS)
        return cls(routes, **parts)


_PARTS: dict[str, type] = {
    "representation": Representation,
    "members": Members,
    "blends": Blends,
    "evidence": Evidence,
    "usage": Usage,
    "drift": Drift,
}
