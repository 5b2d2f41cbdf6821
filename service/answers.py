"""The JSON of every answer, made from the engine's records. Strict JSON: NaN is null, an infinite value is `best`."""

import math
from typing import Any

from router.decisions import Decision, Option
from router.log.store import Recorded
from router.plans.escalation import Verdict
from router.policy import Policy, write_value


def route_answer(decision: Decision) -> dict[str, Any]:
    """A decision as /route answers it."""
    value = decision.value_usd
    return {
        "decision_id": decision.decision_id,
        "action": decision.action,
        **_option(decision.chosen),
        "parameters": decision.parameters,
        "alternatives": [_option(one) for one in decision.alternatives],
        "value_usd": None if value is None else write_value(value),
        "propensity": decision.propensity,
        "policy": decision.policy,
        "reason": decision.reason,
        "fallback": decision.fallback,
        "logged": decision.logged,
        "task": decision.task,
        "plan": None if decision.plan is None else {key: decision.plan[key] for key in ("calls", "signals")},
        "unlike": _number(decision.unlike),
    }


def outcome_answer(recorded: Recorded) -> dict[str, Any]:
    """A report as it was taken. USD is text: exact."""
    return {
        "status": "done",
        "decision_id": recorded.decision_id,
        "recorded": True,
        "repeated": recorded.repeated,
        "conflicts": recorded.conflicts,
        "usd": None if recorded.usd is None else format(recorded.usd, "f"),
    }


def verdict_answer(verdict: Verdict | None) -> dict[str, Any]:
    """What a plan says after the answer: nothing where there is no plan; `escalate` comes with the next decision."""
    if verdict is None:
        return {}
    told = {"p_correct": verdict.p_correct, "reason": verdict.reason}
    if verdict.following is None:
        return told | {"status": "done"}
    return told | {"status": "escalate", "next": route_answer(verdict.following)}


def frontier_answer(policy: Policy) -> dict[str, Any]:
    """The policy's sweep, point by point, and where on it the policy works."""
    sweep = policy.sweep.as_dict()
    points = zip(sweep["values"], sweep["usd"], sweep["accuracy"], strict=True)
    return {
        "policy": policy.version,
        "kind": "out of fold in training: estimates on validation data, not a guarantee",
        "operating_point": policy.manifest["operating_point"],
        "points": [{"value_usd": value, "usd": usd, "accuracy": accuracy} for value, usd, accuracy in points],
    }


def policies_answer(policy: Policy | None, safe_route: str) -> dict[str, Any]:
    """What serves: the policy, or null, and the safe route behind it."""
    return {"current": None if policy is None else _policy(policy), "safe_route": safe_route}


def _policy(policy: Policy) -> dict[str, Any]:
    return {
        "version": policy.version,
        "folder": None if policy.folder is None else str(policy.folder),
        "routes": [{"route": route.key, "tier": policy.specs[route].tier} for route in policy.routes],
        "encoder": policy.encoder.as_dict(),
        "operating_point": policy.manifest["operating_point"],
        "labels": policy.manifest.get("labels"),
    }


def _option(option: Option) -> dict[str, Any]:
    return {
        "route": option.route.key,
        "model": option.route.model,
        "effort": option.route.effort,
        "tier": option.tier,
        "max_output_tokens": option.max_output_tokens,
        "p_correct": {
            "value": _number(option.p_correct),
            "low": _number(option.p_low),
            "high": _number(option.p_high),
        },
        "expected_usd": _number(option.expected_usd),
        "upper_usd": _number(option.upper_usd),
        "input_tokens": _number(option.input_tokens),
        "cached_input_tokens": _number(option.cached_input_tokens),
        "output_tokens": _number(option.output_tokens),
        "service_tier": option.service_tier,
        "seconds": _number(option.seconds),
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
