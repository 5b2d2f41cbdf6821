"""What came of two policies' decisions, gathered report by report. Knows reports, no statistics."""

from collections import OrderedDict
from datetime import datetime

import numpy as np

from router.log.feed import Known
from router.rollout.guardrails import Arm
from router.rollout.route_time import p99_seconds
from router.rollout.tallies import NONE, Tally

MOST = 20_000


class ArmBook:
    """The latest reported decisions of each policy version. Use it from one thread."""

    def __init__(self) -> None:
        self._arms: dict[str, OrderedDict[str, Known]] = {}

    def take(self, known: Known) -> None:
        if known.action not in ("route", "cached"):
            return
        arm = self._arms.setdefault(known.policy, OrderedDict())
        arm[known.decision_id] = known
        if len(arm) > MOST:
            arm.popitem(last=False)

    def keep_only(self, versions: set[str]) -> None:
        for version in self._arms.keys() - versions:
            del self._arms[version]

    def arm(self, version: str, since: datetime | None = None, tally: Tally = NONE) -> Arm:
        """The decisions of a policy from a moment on. `tally` counts those without a report too."""
        every = [one for one in self._arms.get(version, {}).values() if since is None or one.at >= since]
        calls = [one for one in every if one.action == "route"]
        hits = [one for one in every if one.action == "cached"]
        return Arm(
            failed=np.array([one.failed for one in calls], dtype=float),
            seconds=_numbers([one.fact("latency_s") for one in calls]),
            usd=_numbers([one.fact("usd") for one in calls]),
            correct=_numbers([one.correct for one in calls]),
            wrong_hits=sum(_wrong(one) for one in hits),
            decided=max(tally.decided, len(every)),
            undecided=tally.undecided,
            late=tally.late,
            route_p99_seconds=p99_seconds(tally),
        )


def _wrong(one: Known) -> bool:
    return one.facts.get("feedback") == "wrong" or (one.correct is not None and one.correct < 0.5)


def _numbers(values: list[float | None]) -> np.ndarray:
    return np.array([np.nan if one is None else one for one in values], dtype=float)
