"""After an answer: is it good enough, or is the next route worth its price? Knows the logged decision and its evidence.

Works from the decision's own record, so that it is right after a restart and in another process. What it decides gets
an id derived from the first one's: the same report, sent twice, is told the same next step.
"""

import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from router.decisions import Decision, Option, Outcome
from router.log.store import LogStore, Reserve
from router.operating_points import read_value
from router.plans.answer_evidence import SIGNALS
from router.plans.next_step import next_step
from router.policy import Policy
from router.provider_parameters import provider_parameters
from router.requests import Message, Request
from router.routes import Route

STORE_SECONDS = 1.0
_NAMESPACE = uuid.UUID("6f1f0f5c-6a0e-5a37-9a52-7d2a6a3f7c11")


@dataclass(frozen=True)
class Verdict:
    """What comes after an answer: its `p_correct` in the light of the evidence, and the next decision (None: done)."""

    p_correct: float
    following: Decision | None
    reason: str


def has_evidence(outcome: Outcome) -> bool:
    """Whether a report says anything about its answer that a plan may look at."""
    return any(getattr(outcome, name) is not None for name in SIGNALS)


def judge_answer(
    policies: Sequence[Policy],
    store: LogStore,
    outcome: Outcome,
    at: datetime,
    reserve: Callable[[Decision, Request], Reserve],
) -> Verdict | None:
    """The verdict on a reported answer, by the one of these policies that decided; its next decision is in the log, and
    its cost reserved, when this returns.

    Blocks on the store. Raises SpendingError where a budget has no room for another call.
    """
    row = store.decision(outcome.decision_id, outcome.tenant)
    verdict = next((found for one in policies if (found := next_decision(one, row, outcome, at)) is not None), None)
    if verdict is not None and verdict.following is not None:
        reserved = reserve(verdict.following, _owner(row))
        store.append_once(following_row(row, verdict.following), reserved).result(STORE_SECONDS)
    return verdict


def _owner(row: Mapping[str, Any]) -> Request:
    """Whose call it is, and how long: the log keeps no turns, and without its session nothing is claimed of a warm
    prefix."""
    task_id = {"task_id": row["tags"].get("task_id") or row["decision_id"]}
    as_long = (Message("user", " " * row["context_chars"]),)
    return Request(as_long, row["tenant"], user=row["user"], task=row["task"], tags={**row["tags"], **task_id})


def signals_of(outcome: Outcome) -> np.ndarray:
    """The evidence that a report states, (1, S); NaN where it states none."""
    told = [getattr(outcome, name) for name in SIGNALS]
    return np.array([[math.nan if one is None else float(one) for one in told]])


def next_decision(policy: Policy, row: Mapping[str, Any], outcome: Outcome, at: datetime) -> Verdict | None:
    """The verdict on a decision (its row in the log) after a report on its answer.

    None where nothing can be said: the decision was no plan, another policy decides by now, or the report holds no
    evidence. A failed call is no evidence about its answer.
    """
    options = row["options"]
    plan = options[0].get("plan")
    if policy.plans is None or plan is None or row["policy"] != policy.version or outcome.status == "error":
        return None
    evidence = policy.plans.evidence
    columns = {route.key: j for j, route in enumerate(policy.routes)}
    last = columns[row["route"]]
    found = evidence.bin_of(last, signals_of(outcome))
    if found[0] < 0 or not evidence.known[last]:
        return None
    p, usd, allowed = _believed(policy, options, columns)
    allowed[0, [columns[key] for key in plan["asked"]]] = False
    p = evidence.update(p, last, found)
    value = read_value("best" if row["value_usd"] is None else row["value_usd"])
    step = next_step(evidence, p, usd, value, last=last, depth=0, allowed=allowed)
    after, following = float(p[0, last]), int(step.route[0])
    said = f"after the answer of {row['route']} its P(correct) is {after:.2f}"
    if following < 0:
        return Verdict(after, None, f"{said}: no other route is worth its price.")
    reason = f"{said}; {policy.routes[following].key} (P {p[0, following]:.2f}) is worth ${usd[0, following]:.6f} more."
    return Verdict(after, _decision(policy, row, p[0], following, reason, at), reason)


def _believed(
    policy: Policy, options: list[Mapping[str, Any]], columns: Mapping[str, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """P(correct), USD and permission (1, R) of the routes that the record shows; it shows feasible ones only."""
    shape = (1, len(policy.routes))
    p, usd, allowed = np.full(shape, 0.5), np.zeros(shape), np.zeros(shape, bool)
    for one in options:
        column = columns[one["route"]]
        p[0, column], usd[0, column], allowed[0, column] = one["p_correct"], one["expected_usd"], True
    return np.clip(p, 1e-4, 1 - 1e-4), usd, allowed


def _decision(
    policy: Policy, row: Mapping[str, Any], p: np.ndarray, following: int, reason: str, at: datetime
) -> Decision:
    route = policy.routes[following]
    kept = next(one for one in row["options"] if one["route"] == route.key)
    fields = {name: value for name, value in kept.items() if name in Option.__dataclass_fields__}
    option = Option(**(fields | {"route": Route.parse(kept["route"]), "p_correct": float(p[following])}))
    option = replace(option, p_low=min(option.p_low, option.p_correct), p_high=max(option.p_high, option.p_correct))
    return Decision(
        decision_id=uuid.uuid5(_NAMESPACE, row["decision_id"]).hex,
        action="route",
        chosen=option,
        alternatives=(),
        value_usd=row["value_usd"],
        propensity=1.0,
        policy=policy.version,
        reason=reason,
        parameters=provider_parameters(policy.specs[route], option.max_output_tokens),
        at=at,
        unlike=math.nan if row["unlike"] is None else row["unlike"],
        task=row["task"],
    )


def following_row(row: Mapping[str, Any], decision: Decision) -> dict[str, Any]:
    """The log's record of an escalation: the first decision's, with what was decided now."""
    changed = {name: getattr(decision, name) for name in ("decision_id", "at", "reason", "propensity")}
    option = {**vars(decision.chosen), "route": decision.chosen.route.key}
    return {**row, **changed, "route": decision.chosen.route.key, "options": [option]}
