"""Plays plans on requests whose evidence is known, revealing a route's evidence only after the route was called.

Knows estimates, prices and evidence; outcomes are none of its business.
"""

from dataclasses import dataclass, field

import numpy as np

from router.plans.answer_evidence import AnswerEvidence
from router.plans.next_step import DEPTH, next_step


@dataclass(frozen=True)
class Played:
    """The steps of each request in order, each array (n, most steps): the route called (-1: none any more), the calls
    paid for, and P(correct) as believed when it was called. `believed` (n,): P(correct) of the answer after looking."""

    route: np.ndarray
    calls: np.ndarray
    p: np.ndarray
    believed: np.ndarray

    @property
    def answering(self) -> np.ndarray:
        """The column (n,) of the route that answers: the last one called."""
        count = (self.route >= 0).sum(axis=1)
        return np.take_along_axis(self.route, count[:, None] - 1, axis=1)[:, 0]

    def paid(self, usd: np.ndarray) -> np.ndarray:
        """USD (n,) of all calls when one call costs `usd` (n, R)."""
        called = self.route >= 0
        each = np.take_along_axis(usd, np.maximum(self.route, 0), axis=1)
        return np.where(called, each * self.calls, 0.0).sum(axis=1)


@dataclass
class _State:
    """What is known of the requests in the making."""

    p: np.ndarray
    open_: np.ndarray
    last: np.ndarray
    active: np.ndarray
    steps: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)


def bins_of(evidence: AnswerEvidence, signals: np.ndarray) -> np.ndarray:
    """The bin of every answer, (n, R), from signals (n, R, S)."""
    return np.stack([evidence.bin_of(route, signals[:, route]) for route in range(signals.shape[1])], axis=1)


def play(evidence: AnswerEvidence, p: np.ndarray, usd: np.ndarray, value_usd: float, bins: np.ndarray) -> Played:
    """Follow the planner to its end for each request. `p`, `usd` and `bins` are (n, R)."""
    n = len(p)
    state = _State(np.array(p), np.ones(p.shape, bool), np.full(n, -1), np.ones(n, bool))
    for depth in range(DEPTH, -1, -1):
        if state.active.any():
            _advance(evidence, state, usd, value_usd, bins, depth)
    route, calls, p = (np.stack(part, axis=1) for part in zip(*state.steps))
    answering = route[np.arange(n), (route >= 0).sum(axis=1) - 1]
    return Played(route, calls, p, state.p[np.arange(n), answering])


def _advance(
    evidence: AnswerEvidence, state: _State, usd: np.ndarray, value_usd: float, bins: np.ndarray, depth: int
) -> None:
    """One step of every active request."""
    n = len(usd)
    route, calls, believed = np.full(n, -1), np.zeros(n), np.full(n, np.nan)
    for last in np.unique(state.last[state.active]):
        rows = np.flatnonzero(state.active & (state.last == last))
        step = next_step(
            evidence, state.p[rows], usd[rows], value_usd, last=int(last), depth=depth, allowed=state.open_[rows]
        )
        went = step.route >= 0
        state.active[rows] = went & step.look
        called, taken = rows[went], step.route[went]
        route[called], believed[called] = taken, state.p[called, taken]
        calls[called] = np.where(step.look[went], evidence.calls[taken], 1.0)
    for taken in np.unique(route[state.active]):
        rows = np.flatnonzero(state.active & (route == taken))
        state.p[rows] = evidence.update(state.p[rows], int(taken), bins[rows, taken])
        state.open_[rows, taken] = False
        state.last[rows] = taken
    state.steps.append((route, calls, believed))
