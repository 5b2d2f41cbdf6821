"""The first step of a plan for one request: whether an answer is worth looking at before it is used."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from router.plans.answer_evidence import SIGNALS
from router.plans.files import Plans
from router.plans.next_step import DEPTH, next_step
from router.requests import Request
from router.routes import Route


@dataclass(frozen=True)
class Look:
    """Call this route so many times, report these signals, and be told whether the answer will do."""

    route: Route
    calls: int
    signals: tuple[str, ...]
    reason: str

    def as_dict(self) -> dict[str, Any]:
        return {"calls": self.calls, "signals": list(self.signals), "asked": [self.route.key]}


def first_look(
    plans: Plans | None,
    routes: tuple[Route, ...],
    request: Request,
    p: np.ndarray,
    usd: np.ndarray,
    value_usd: float,
    feasible: np.ndarray,
) -> Look | None:
    """None where the request asks for no plan, or no plan is worth more than the best single route.

    A limit on the USD or seconds of a call could not be promised over several calls, so it excludes plans.
    """
    asked = request.constraints
    if plans is None or not request.plan or asked.max_usd is not None or asked.max_seconds is not None:
        return None
    step = next_step(plans.evidence, p, usd, value_usd, depth=DEPTH, allowed=feasible[None, :])
    if not step.look[0]:
        return None
    alone = next_step(plans.evidence, p, usd, value_usd, depth=0, allowed=feasible[None, :])
    column = int(step.route[0])
    calls, route = int(plans.evidence.calls[column]), routes[column]
    signals = tuple(name for name, weight in zip(SIGNALS, plans.evidence.weights[column]) if weight)
    ahead = float(step.worth[0] - alone.worth[0])
    reason = (
        f"{route.key} first, in {calls} call{'s' if calls > 1 else ''} (${calls * usd[0, column]:.6f}, "
        f"P(correct) {p[0, column]:.2f}), and its {' and '.join(signals)} decides: at ${value_usd:.6g} per correct "
        f"answer that is worth ${ahead:.6f} more than {routes[int(alone.route[0])].key} alone."
    )
    return Look(route, calls, signals, reason)
