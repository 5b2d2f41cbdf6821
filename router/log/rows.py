"""A decision as a row of the log. Knows what is kept of it; nothing of how rows reach a database."""

import math
from typing import Any

from router.cache.records import CacheLookup
from router.decisions import Decision, Option
from router.requests import Request


def decision_row(decision: Decision, request: Request, keep_text: bool) -> dict[str, Any]:
    """A decision as the log keeps it. The text of a prompt is kept only where it was asked for, else its hash."""
    value = decision.value_usd
    return {
        "decision_id": decision.decision_id,
        "tenant": request.tenant,
        "at": decision.at,
        "policy": decision.policy,
        "action": decision.action,
        "route": decision.chosen.route.key,
        "propensity": decision.propensity,
        "value_usd": value,
        "options": [_option(decision.chosen) | _plan(decision), *map(_option, decision.alternatives)],
        "reason": decision.reason,
        "fallback": decision.fallback,
        "cache": None if decision.lookup is None else _lookup(decision.lookup),
        "unlike": None if math.isnan(decision.unlike) else decision.unlike,
        "task": decision.task,
        "session": request.session,
        "user": request.user,
        "tags": dict(request.tags),
        "context_chars": request.context_chars,
        "text_sha256": request.text_sha256,
        "text": request.text.replace("\x00", "") if keep_text else None,
        "exploration": decision.exploration,
    }


def _lookup(lookup: CacheLookup) -> dict[str, Any]:
    """What the cache said, without texts."""
    said = {"action": lookup.action, "tier": lookup.tier, "reason": lookup.reason, "similarity": lookup.similarity}
    said |= {"risk": lookup.risk, "threshold": lookup.threshold}
    if lookup.answer is not None:
        said |= {"answer_id": lookup.answer.answer_id, "usd_saved": lookup.usd_saved}
    return said


def _plan(decision: Decision) -> dict[str, Any]:
    return {} if decision.plan is None else {"plan": dict(decision.plan)}


def _option(option: Option) -> dict[str, Any]:
    """NaN, which is not estimated, becomes null in JSON."""
    return {**vars(option), "route": option.route.key}
