"""How much capacity a traffic needs: a percentile of its load plus head-room, by class of workload.

Knows loads per window; where they were measured is the caller's business. Plain floats: this is not money.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from router.economics.inputs import Inputs

Workload = Literal["steady", "consumer", "realtime", "batch", "critical", "free"]
# (percentile, head-room) per class of workload, by the guide
RULES: dict[Workload, tuple[float, float]] = {
    "steady": (0.95, 0.20),
    "consumer": (0.95, 0.30),
    "realtime": (0.99, 0.50),
    "batch": (0.50, 0.0),
    "critical": (0.99, 1.0),
    "free": (0.90, 0.0),
}
_MOST_WINDOWS = 5_000_000
_MOST_LOAD, _LEAST_UNIT = 1e12, 1e-3  # so that units stay countable


class Traffic(Inputs):
    """Load per window of equal length, in order of time, in any one unit (requests, tokens), per second.

    With `plan_on_share` below 1 the rule sees the first windows only, and what it did is measured on the rest.
    """

    loads_per_second: tuple[Annotated[float, Field(ge=0, le=_MOST_LOAD)], ...] = Field(
        min_length=1, max_length=_MOST_WINDOWS
    )
    window_seconds: float = Field(gt=0, le=86_400)
    workload: Workload = "consumer"
    unit_capacity_per_second: float | None = Field(default=None, ge=_LEAST_UNIT, le=_MOST_LOAD)
    usd_per_unit_hour: float | None = Field(default=None, ge=0, le=1e9)
    plan_on_share: float = Field(default=1.0, gt=0, le=1)

    def split(self) -> tuple[Sequence[float], Sequence[float]]:
        """The windows to plan on, and those to check the plan on: the rest, or the same where nothing is left."""
        cut = max(1, round(self.plan_on_share * len(self.loads_per_second)))
        return self.loads_per_second[:cut], self.loads_per_second[cut:] or self.loads_per_second


@dataclass(frozen=True)
class Capacity:
    """What to provide, in the load's unit per second, and how that did on the windows it is checked on.

    `overloaded_share` of windows exceed it; `overflow_share` of all load does, were it turned away; `utilisation` is
    the mean load it carries over what is provided.
    """

    percentile: float
    head_room: float
    mean: float
    percentile_load: float
    peak: float
    windows_planned_on: int
    windows_checked_on: int
    needed: float
    overloaded_share: float
    overflow_share: float
    utilisation: float
    units: int | None
    usd_per_hour: float | None

    @property
    def peak_to_mean(self) -> float:
        return self.peak / self.mean if self.mean else 0.0


def capacity(traffic: Traffic, percentile: float | None = None, head_room: float | None = None) -> Capacity:
    """The class's rule unless told otherwise. The percentile is the least load that its share of windows keeps to."""
    rule = RULES[traffic.workload]
    share = rule[0] if percentile is None else percentile
    extra = rule[1] if head_room is None else head_room
    planned, loads = traffic.split()
    level = _percentile(sorted(planned), share)
    needed = level * (1 + extra)
    units = None
    if traffic.unit_capacity_per_second:
        units = math.ceil(round(needed / traffic.unit_capacity_per_second, 9))
        needed = units * traffic.unit_capacity_per_second
    total = sum(loads)
    over = sum(one - needed for one in loads if one > needed)
    hourly = None if units is None or traffic.usd_per_unit_hour is None else units * traffic.usd_per_unit_hour
    return Capacity(
        percentile=share,
        head_room=extra,
        mean=total / len(loads),
        percentile_load=level,
        peak=max(loads),
        windows_planned_on=len(planned),
        windows_checked_on=len(loads),
        needed=needed,
        overloaded_share=sum(one > needed for one in loads) / len(loads),
        overflow_share=over / total if total else 0.0,
        utilisation=sum(min(one, needed) for one in loads) / len(loads) / needed if needed else 0.0,
        units=units,
        usd_per_hour=hourly,
    )


def _percentile(ordered: Sequence[float], share: float) -> float:
    return ordered[max(0, math.ceil(round(share * len(ordered), 9)) - 1)]
