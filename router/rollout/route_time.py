"""Whether a policy makes /route slower than the policy beside it does at the same moments. Counts in, evidence out.

Load slows both down alike, so durations of different hours are never compared. A look's slow decisions (beyond what was
the other policy's p99 until then) fall to either policy in proportion to its decisions, as long as the one under watch
is slow at most `RATIO` times as often: given how many were slow, that is a binomial. The evidence is the product over
looks of likelihood ratios, mixed over how much more often it may be: it exceeds 1/a with probability at most a, however
often one looks (Ville).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from router.rollout.tallies import Tally, bin_of, seconds_of

P99, RATIO = 0.99, 3.0
LEAST_BASELINE = 100
_TIMES = np.geomspace(1.3, 60.0, 16)  # how many times RATIO it may be: the alternatives that are mixed


@dataclass(frozen=True)
class RouteTime:
    """What was seen so far. `slow` of `decided` decisions under watch, `usual_slow` of `usual_decided` beside them."""

    slow: int = 0
    decided: int = 0
    usual_slow: int = 0
    usual_decided: int = 0
    limit_seconds: float | None = None
    logs: tuple[float, ...] = field(default=(0.0,) * len(_TIMES), repr=False)

    @property
    def log_evidence(self) -> float:
        logs = np.array(self.logs)
        return float(logs.max() + math.log(np.exp(logs - logs.max()).mean()))

    def after(self, tried: Tally, usual: Tally, before: Tally, floor_seconds: float) -> "RouteTime":
        """With the decisions of one look, `tried` and `usual`; `before` are the other policy's of earlier looks. What
        takes less than `floor_seconds` is not slow, whatever is usual."""
        limit = before.quantile(P99)
        if limit is None or before.timed < LEAST_BASELINE or not tried.timed or not usual.timed:
            return self
        limit = max(limit, bin_of(floor_seconds))
        slow, usual_slow = tried.slower_than(limit), usual.slower_than(limit)
        times, odds = _TIMES * RATIO, tried.timed / usual.timed
        most, share = RATIO * odds / (1 + RATIO * odds), times * odds / (1 + times * odds)
        logs = np.array(self.logs) + slow * np.log(share / most) + usual_slow * np.log((1 - share) / (1 - most))
        return replace(
            self,
            slow=self.slow + slow,
            decided=self.decided + tried.timed,
            usual_slow=self.usual_slow + usual_slow,
            usual_decided=self.usual_decided + usual.timed,
            limit_seconds=seconds_of(limit),
            logs=tuple(logs.tolist()),
        )

    def readings(self) -> dict[str, Any]:
        """For a person."""
        told = {name: value for name, value in vars(self).items() if name != "logs"}
        return told | {"log_evidence": round(self.log_evidence, 2)}

    def as_dict(self) -> dict[str, Any]:
        return vars(self) | {"logs": list(self.logs)}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> "RouteTime":
        return cls(**{**told, "logs": tuple(told["logs"])})


NOTHING_TIMED = RouteTime()


def p99_seconds(tally: Tally) -> float:
    """NaN where nothing was timed."""
    found = tally.quantile(P99)
    return math.nan if found is None else seconds_of(found)
