"""Plans for a file of queries: every step taken at every operating point, evidence revealed once a route was called."""

import numpy as np
import pandas as pd

from eval.decide import Queries
from eval.sweeps import Sweep
from router.errors import InputError
from router.estimate.estimators import Estimates
from router.labels import LabelMatrix
from router.plans.answer_evidence import answer_signals
from router.plans.files import Plans
from router.plans.replay import Played, bins_of, play
from router.policy import Policy, write_value


def plans_of(policy: Policy) -> Plans:
    """The policy's plans. Raises InputError where its labels held no evidence."""
    if policy.plans is None:
        problem = "this policy has no plans: its labels held no evidence about answers"
        cure = "Train on labels with agreement, confidence, mean_logprob or output_tokens."
        raise InputError("plans", str(policy.folder), problem, cure)
    return policy.plans


def revealed_bins(policy: Policy, queries: Queries, labels: LabelMatrix) -> np.ndarray:
    """What each answer will show, (n, R); -1 for a query or route that the evidence does not hold."""
    plans = plans_of(policy)
    missing = [route.key for route in policy.routes if route not in labels.routes]
    known = [route for route in policy.routes if route in labels.routes]
    if not known:
        raise InputError("evidence", missing, "no route of the policy is in it", "Give labels of the policy's routes.")
    place = {query: i for i, query in enumerate(labels.query_ids)}
    rows = np.array([place.get(query, -1) for query in queries.ids])
    if (rows < 0).all():
        raise InputError("evidence", len(labels.query_ids), "it holds none of the queries", "Use the same query_id.")
    signals = np.full((len(rows), len(policy.routes), answer_signals(labels).shape[2]), np.nan)
    columns = [policy.routes.index(route) for route in known]
    seen = answer_signals(labels.with_routes(known))
    signals[np.ix_(np.flatnonzero(rows >= 0), np.array(columns))] = seen[rows[rows >= 0]]
    return bins_of(plans.evidence, signals)


def play_all(
    policy: Policy, estimates: Estimates, usd: np.ndarray, values: np.ndarray, bins: np.ndarray
) -> list[Played]:
    """Each operating point's plans, played to their end."""
    evidence = plans_of(policy).evidence
    return [play(evidence, estimates.p, usd, value, bins) for value in values]


def plan_table(
    policy: Policy, queries: Queries, usd: np.ndarray, values: np.ndarray, played: list[Played]
) -> pd.DataFrame:
    """One row per step taken, in the format of decisions with `step` and `calls`; the last step of a query answers."""
    parts = []
    for point, (value, one) in enumerate(zip(values, played)):
        rows, step = np.nonzero(one.route >= 0)
        route = one.route[rows, step]
        parts.append(
            pd.DataFrame(
                {
                    "point": point,
                    "query_id": np.array(queries.ids, dtype=object)[rows],
                    "step": step,
                    "calls": one.calls[rows, step].astype(int),
                    "model": np.array([policy.routes[j].model for j in route], dtype=object),
                    "effort": np.array([policy.routes[j].effort for j in route], dtype=object),
                    "p_correct": one.p[rows, step],
                    "expected_usd": usd[rows, route],
                    "value_usd": str(write_value(float(value))),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def sweep_of_plans(played: list[Played], correct: np.ndarray, costs: np.ndarray) -> Sweep:
    """What the plans spent and got right, for the report."""
    answering = np.stack([one.answering for one in played], axis=1)
    paid = np.stack([one.paid(costs) for one in played], axis=1)
    return Sweep("plans", "Plans with escalation", paid, np.take_along_axis(correct, answering, axis=1), answering)
