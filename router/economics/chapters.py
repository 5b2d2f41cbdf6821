"""The chapters that can be planned: each a scenario's shape and the function that answers it."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from router.economics.inputs import Inputs
from router.economics.measured import Measured, asks, fill
from router.economics.plan import Plan
from router.economics.plans_capacity import CapacityScenario, plan_capacity
from router.economics.plans_hosting import HostingScenario, MemoryScenario, plan_hosting, plan_memory
from router.economics.plans_product import (
    CommercialScenario,
    ForecastScenario,
    MethodsScenario,
    OverheadScenario,
    ProductScenario,
    plan_commercial,
    plan_forecast,
    plan_methods,
    plan_overhead,
    plan_product,
)
from router.economics.plans_requests import (
    CachingScenario,
    RequestScenario,
    WaitingScenario,
    plan_caching,
    plan_request,
    plan_waiting,
)
from router.economics.plans_routing import (
    ArbitrageScenario,
    EffortScenario,
    RoutingScenario,
    plan_arbitrage,
    plan_effort,
    plan_routing,
)
from router.errors import InputError


@dataclass(frozen=True)
class Chapter:
    """A question, the shape of its scenario and how it is answered."""

    name: str
    question: str
    scenario: type[Inputs]
    answer: Callable[[Any], Plan]


CHAPTERS: Mapping[str, Chapter] = {
    one.name: one
    for one in (
        Chapter("request", "What does a request cost?", RequestScenario, plan_request),
        Chapter("caching", "Does prompt caching pay, and under which TTL?", CachingScenario, plan_caching),
        Chapter("waiting", "What is saved by batch, flex and off-peak?", WaitingScenario, plan_waiting),
        Chapter("routing", "What does a mix, a classifier or a cascade save?", RoutingScenario, plan_routing),
        Chapter("arbitrage", "Which host sells the same for less?", ArbitrageScenario, plan_arbitrage),
        Chapter("effort", "Which effort is worth its price?", EffortScenario, plan_effort),
        Chapter("hosting", "Does self-hosting pay?", HostingScenario, plan_hosting),
        Chapter("memory", "How many requests fit on a machine?", MemoryScenario, plan_memory),
        Chapter("methods", "Prompting, retrieval or fine-tuning?", MethodsScenario, plan_methods),
        Chapter("product", "What does a user cost and leave?", ProductScenario, plan_product),
        Chapter("forecast", "What will a year cost?", ForecastScenario, plan_forecast),
        Chapter("overhead", "What does no price page show?", OverheadScenario, plan_overhead),
        Chapter("commercial", "What do contracts and limits do?", CommercialScenario, plan_commercial),
        Chapter("capacity", "How much capacity does a traffic need?", CapacityScenario, plan_capacity),
    )
}


def make_plan(chapter: str, given: Mapping[str, Any]) -> Plan:
    """Validate a scenario and answer it. Raises InputError naming the field."""
    found = CHAPTERS.get(chapter)
    if found is None:
        near = difflib.get_close_matches(str(chapter), CHAPTERS, n=3, cutoff=0.4) or list(CHAPTERS)
        raise InputError("chapter", chapter, "no such chapter", f"Use one of {', '.join(near)}.")
    return found.answer(found.scenario.read(given))


def plan_scenario(given: Mapping[str, Any], measured: Mapping[str, Measured]) -> Plan:
    """A whole scenario: its `chapter`, and its inputs with what was measured filled in. Raises InputError."""
    inputs = {name: value for name, value in given.items() if name not in ("chapter", "measured")}
    if not measured and asks(inputs):
        cure = "Say in [measured] whose decisions to measure, or type a number."
        raise InputError("measured", None, "the scenario takes measured numbers, but there is no log", cure)
    filled, notes = fill(inputs, measured)
    plan = make_plan(str(given.get("chapter")), filled)
    return replace(plan, notes=(*plan.notes, *notes))
