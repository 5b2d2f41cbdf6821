"""The chapter on capacity: what a traffic needs by its class of workload, beside the other rules on it."""

from router.economics.capacity import RULES, Capacity, Traffic, capacity
from router.economics.inputs import Inputs
from router.economics.plan import Chart, Figure, Plan, Table, plain, share

_SHOWN = 240


class CapacityScenario(Inputs):
    """A traffic and its class of workload. The load's unit is whatever the numbers count."""

    traffic: Traffic
    unit: str = "requests"


def plan_capacity(scenario: CapacityScenario) -> Plan:
    found = capacity(scenario.traffic)
    unit = f"{scenario.unit} a second"
    figures = (
        Figure("mean load", found.mean, unit),
        Figure(
            f"P{100 * found.percentile:g} load", found.percentile_load, unit, f"of {found.windows_planned_on:,} windows"
        ),
        Figure("peak load", found.peak, unit),
        Figure("capacity", found.needed, unit, f"P{100 * found.percentile:g} + {100 * found.head_room:g} %"),
        Figure("windows over capacity", found.overloaded_share, "share", f"of {found.windows_checked_on:,} windows"),
        Figure("load over capacity", found.overflow_share, "share"),
        Figure("utilisation", found.utilisation, "share", "mean load carried ÷ capacity"),
        Figure("machines", found.units, ""),
        Figure("cost", found.usd_per_hour, "USD an hour"),
    )
    rules = {name: capacity(scenario.traffic, *rule) for name, rule in RULES.items()}
    columns = (
        "workload",
        "percentile",
        "head-room share",
        unit,
        "share of windows over",
        "share of load over",
        "utilisation",
    )
    rows = tuple(
        (
            name,
            f"P{100 * one.percentile:g}",
            one.head_room,
            one.needed,
            one.overloaded_share,
            one.overflow_share,
            one.utilisation,
        )
        for name, one in rules.items()
    )
    answer = (
        f"Provide {plain(found.needed)} {unit} for a {scenario.traffic.workload} workload: "
        f"{share(found.overloaded_share, 2)} of windows go over it, and {share(found.utilisation)} of it is used."
    )
    shown = tuple(one for one in figures if one.value is not None)
    return Plan(
        "capacity",
        "Capacity",
        answer,
        shown,
        (Table("Every rule on this traffic", columns, rows),),
        (_chart(scenario, found, unit),),
    )


def _chart(scenario: CapacityScenario, found: Capacity, unit: str) -> Chart:
    """The traffic over time, the peak of each stretch, so that thinning hides no spike."""
    loads = scenario.traffic.loads_per_second
    step = -(-len(loads) // _SHOWN)
    peaks = tuple(max(loads[i : i + step]) for i in range(0, len(loads), step))
    hours = tuple(f"{i * step * scenario.traffic.window_seconds / 3600:.3g}" for i in range(len(peaks)))
    lines = (("load", peaks), ("capacity", (found.needed,) * len(peaks)), ("mean", (found.mean,) * len(peaks)))
    return Chart("Load and capacity", "lines", hours, lines, unit, "hours")
