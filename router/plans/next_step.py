"""Which step to take next: answer with what is there, call a route, or call one and look at its answer first.

A step is worth `value × P(correct) − USD`, every call counted; looking is worth the mean over what may be seen of the
best that can be done then. Knows estimates, prices and evidence, nothing of files or of HTTP.
"""

from dataclasses import dataclass

import numpy as np

from router.plans.answer_evidence import AnswerEvidence

# What "right at any price" counts as: no route costs a millionth of it.
ANY_PRICE = 1e9
# Answers examined before the last one. Two cost ten times the planning of one and gained nothing on unseen families.
DEPTH = 1


@dataclass(frozen=True)
class Step:
    """The best next step of each request (n,): `route` is the column to call, or -1 to stop; `look` tells whether its
    answer is examined before going on; `worth` is in USD, what was spent so far left out."""

    route: np.ndarray
    look: np.ndarray
    worth: np.ndarray

    def better(self, other: "Step") -> "Step":
        """Of two steps the one worth more; a tie keeps this one."""
        other_wins = other.worth > self.worth
        return Step(*(np.where(other_wins, b, a) for a, b in zip(vars(self).values(), vars(other).values())))


def next_step(
    evidence: AnswerEvidence,
    p: np.ndarray,
    usd: np.ndarray,
    value_usd: float,
    *,
    last: int = -1,
    depth: int = DEPTH,
    allowed: np.ndarray | None = None,
) -> Step:
    """The best step for requests whose last called route is `last` (-1: none yet).

    `p` and `usd` (n, R) are what is believed now and the USD of one call; `allowed` (n, R) leaves out routes that a
    request's constraints exclude. At most `depth` further answers are examined.
    """
    value = min(value_usd, ANY_PRICE)
    open_ = np.ones(p.shape, dtype=bool) if allowed is None else allowed
    worth = np.where(open_, value * p - usd, -np.inf)
    worth[:, last if last >= 0 else slice(0)] = -np.inf  # the same answer again is no step
    final = worth.argmax(axis=1)
    best = Step(final, np.zeros(len(p), bool), worth.max(axis=1))
    if last >= 0:
        stop = Step(np.full(len(p), -1), np.zeros(len(p), bool), value * p[:, last])
        best = stop.better(best)
    if depth > 0:
        for route in np.flatnonzero(evidence.known):
            if route != last:
                best = best.better(_look(evidence, p, usd, value_usd, int(route), depth, open_))
    return best


def _look(
    evidence: AnswerEvidence,
    p: np.ndarray,
    usd: np.ndarray,
    value_usd: float,
    route: int,
    depth: int,
    open_: np.ndarray,
) -> Step:
    """Calling a route, examining its answer, and doing the best thing then."""
    rest = np.array(open_)
    rest[:, route] = False  # whatever comes after is another route
    chances, given = evidence.chances(route, p[:, route]), evidence.conditional(p, route)
    worth = -usd[:, route] * evidence.calls[route]
    for found in range(evidence.bins):
        then = evidence.update(p, route, np.full(len(p), found), given)
        onward = next_step(evidence, then, usd, value_usd, last=route, depth=depth - 1, allowed=rest)
        worth = worth + chances[:, found] * onward.worth
    worth = np.where(open_[:, route], worth, -np.inf)
    return Step(np.full(len(p), route), np.ones(len(p), bool), worth)
