"""Why a request goes where it goes: labelled neighbours, what moved the estimate, and where the decision would flip.

Knows a policy and one request; decides nothing. Costs a second look at the request, so it is made only where asked for.
"""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from router.constraints import feasible_routes
from router.decisions import Decision
from router.estimate.members import MEMBERS, TREE_FEATURES, log_odds, tree_features
from router.policy import Policy
from router.requests import Request

NEIGHBOURS, FEATURES = 5, 6


@dataclass(frozen=True)
class Flip:
    """The decision goes to `route` once the value of a correct answer is `above` or `below` a number of USD, or once
    one call of it costs `usd_below`."""

    route: str
    value_above: float | None = None
    value_below: float | None = None
    usd_below: float | None = None

    @property
    def sentence(self) -> str:
        if self.value_above is not None:
            return f"would go to {self.route} above ${self.value_above:.6g} per correct answer"
        if self.value_below is not None:
            return f"would go to {self.route} below ${self.value_below:.6g} per correct answer"
        return f"would go to {self.route} if a call of it cost less than ${self.usd_below:.6g}"


def flips(p: np.ndarray, usd: np.ndarray, keys: list[str], at: int, value_usd: float) -> list[Flip]:
    """Where the largest of value × p − usd moves away from column `at`, for p and usd (R,) of the feasible routes."""
    found = []
    more, less = p - p[at], usd - usd[at]
    with np.errstate(divide="ignore", invalid="ignore"):
        even = less / more  # the value at which a route draws level
    better = np.flatnonzero((more > 0) & (less > 0))
    if len(better) and not math.isinf(value_usd):
        first = better[np.argmin(even[better])]
        found.append(Flip(keys[first], value_above=float(even[first])))
    worse = np.flatnonzero((more < 0) & (less < 0))
    if len(worse) and value_usd > 0:
        first = worse[np.argmax(even[worse])]
        found.append(Flip(keys[first], value_below=float(even[first])))
    if not math.isinf(value_usd):
        level = value_usd * more + usd[at]  # USD at which a route draws level
        cheaper = [j for j in np.flatnonzero(level > 0) if j != at and level[j] < usd[j]]
        nearest = sorted(cheaper, key=lambda j: level[j] / max(usd[j], 1e-300), reverse=True)
        found += [Flip(keys[j], usd_below=float(level[j])) for j in nearest[:3]]
    return found


def explanation(
    policy: Policy, request: Request, vector: np.ndarray, decision: Decision, at: datetime
) -> dict[str, Any]:
    """Everything that spoke for a decision, JSON-able. Log-odds are those of the chosen route."""
    chars = np.array([request.context_chars])
    estimates = policy.estimate([request.text], vector[None, :], [request.task], chars)
    offers = policy.offers(request, estimates, at)
    usd, p = offers.usd, estimates.p[0]
    feasible = np.flatnonzero(feasible_routes(request, policy.routes, policy.specs, offers, p))
    column = policy.routes.index(decision.chosen.route)
    keys = [policy.routes[j].key for j in feasible]
    value = policy.value_for(request) * policy.caution**decision.unlike
    moved = flips(p[feasible], usd[feasible], keys, int(np.searchsorted(feasible, column)), value)
    if decision.plan is not None:
        moved = []  # a plan is not decided by one comparison
    return {
        "interval": [decision.chosen.p_low, decision.chosen.p_high],
        "unlike": decision.unlike,
        "flips": [{**vars(one), "sentence": one.sentence} for one in moved],
        **_reasons(policy, request, vector, column),
    }


def _reasons(policy: Policy, request: Request, vector: np.ndarray, column: int) -> dict[str, Any]:
    members = policy.estimator.members
    row = policy.estimator.representation.row(request.text, vector)
    view = members.views(row, request.task)
    said = members.log_odds([row], [view])[0, :, column]
    base = float(log_odds(members.base)[column])
    features = tree_features(row, view, members.route_facts)[[column]]
    shap = np.asarray(members.booster.predict(features, pred_contrib=True))[0, :-1]
    order = np.argsort(-np.abs(shap), kind="stable")[:FEATURES]
    near, similarity = members.neighbours.nearest(row.vector, NEIGHBOURS)
    names = members.neighbours.names
    return {
        "base_log_odds": base,
        "members": {name: float(one) - base for name, one in zip(MEMBERS, said)},
        "features": [
            {"name": TREE_FEATURES[j], "value": _finite(features[0, j]), "log_odds": float(shap[j])} for j in order
        ],
        "neighbours": [
            {
                "query_id": names[i] if names else None,
                "similarity": float(one),
                "correct": float(np.clip(members.neighbours.residuals[i, column] + members.base[column], 0, 1)),
            }
            for i, one in zip(near, similarity)
        ],
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
