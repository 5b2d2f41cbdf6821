"""A route in the words of its provider's API, so that a caller forwards the parameters untouched."""

from typing import Any

from router.catalog import RouteSpec
from router.routes import effort_budget
from router.service_tiers import DEFAULT, FLEX

# Anthropic accepts no thinking budget below 1,024 tokens; the levels follow its documented range of use.
THINKING_TOKENS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 63999}
OPENAI_EFFORTS = frozenset({"minimal", "low", "medium", "high", "xhigh", "max"})


def provider_parameters(spec: RouteSpec, max_output_tokens: int, service_tier: str = DEFAULT) -> dict[str, Any]:
    """Ready-made request parameters. `max_output_tokens` caps the answer and the thinking together.

    A batch is an endpoint and not a parameter: the decision's `service_tier` tells. Efforts that are a way of prompting
    rather than a parameter (`cot`, `default`, …) add nothing: the caller made them.
    """
    model = spec.route.model
    if spec.provider == "anthropic":
        return {"model": model} | _anthropic(spec.route.effort, max_output_tokens)
    if spec.provider == "google":
        tier = {"serviceTier": service_tier} if service_tier == FLEX else {}
        return {"model": model, "generationConfig": _google(spec.route.effort, max_output_tokens), **tier}
    tier = {"service_tier": service_tier} if service_tier == FLEX else {}
    return {"model": model} | _openai(spec.route.effort, max_output_tokens) | tier


def _openai(effort: str, cap: int) -> dict[str, Any]:
    parameters: dict[str, Any] = {"max_completion_tokens": cap}
    if effort in OPENAI_EFFORTS:
        parameters["reasoning_effort"] = effort
    return parameters


def _anthropic(effort: str, cap: int) -> dict[str, Any]:
    budget = _budget(effort)
    if not budget:
        return {"max_tokens": cap}
    # the cap must leave room for the answer behind the thinking
    return {"max_tokens": max(cap, budget + 1024), "thinking": {"type": "enabled", "budget_tokens": max(budget, 1024)}}


def _google(effort: str, cap: int) -> dict[str, Any]:
    parameters: dict[str, Any] = {"maxOutputTokens": cap}
    budget = _budget(effort)
    if budget is not None:
        parameters["thinkingConfig"] = {"thinkingBudget": budget}
    return parameters


def _budget(effort: str) -> int | None:
    return 0 if effort == "none" else THINKING_TOKENS.get(effort, effort_budget(effort))
