"""A few requests of the report explained: what spoke for the route, how sure that is, and what would change it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from router.estimate.estimators import Estimates
from router.explanations import explanation
from router.policy import Policy
from router.requests import Request

EASE = (0.05, 0.35, 0.65, 0.95)
EXCERPT_CHARS = 160


@dataclass(frozen=True)
class Explained:
    """One request: the decision's reason and interval, the labelled neighbours with their outcomes on that route, the
    features that moved the trees (SHAP, in log-odds), and where the decision would flip."""

    query_id: str
    excerpt: str
    route: str
    reason: str
    interval: tuple[float, float]
    unlike: float
    neighbours: tuple[dict[str, Any], ...]
    features: tuple[dict[str, Any], ...]
    flips: tuple[str, ...]


def explain_some(
    policy: Policy,
    ids: Sequence[str],
    requests: Sequence[Request],
    vectors: np.ndarray,
    estimates: Estimates,
    at: datetime,
) -> tuple[Explained, ...]:
    """Requests from hard to easy by their mean estimate, and the one most unlike the labels."""
    if not len(requests):
        return ()
    order = np.argsort(estimates.p.mean(axis=1), kind="stable")
    rows = [int(order[int(share * (len(order) - 1))]) for share in EASE]
    rows.append(int(np.argmax(estimates.unlike)))
    return tuple(_explained(policy, ids[i], requests[i], vectors[i], at) for i in dict.fromkeys(rows))


def _explained(policy: Policy, query_id: str, request: Request, vector: np.ndarray, at: datetime) -> Explained:
    decision = policy.decide(request, vector, at)
    told = explanation(policy, request, vector, decision, at)
    text = " ".join(request.text.split())
    return Explained(
        query_id=query_id,
        excerpt=text if len(text) <= EXCERPT_CHARS else f"{text[:EXCERPT_CHARS]}…",
        route=decision.chosen.route.key,
        reason=decision.reason,
        interval=(decision.chosen.p_low, decision.chosen.p_high),
        unlike=decision.unlike,
        neighbours=tuple(told["neighbours"]),
        features=tuple(told["features"]),
        flips=tuple(one["sentence"] for one in told["flips"]),
    )
