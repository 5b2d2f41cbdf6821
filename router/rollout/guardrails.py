"""Whether a policy that takes traffic does harm, against the one that it replaces. Pure: numbers in, trips out.

Every guard may be looked at as often as one likes: together they take a harmless policy back with probability at most
`level`, given that the baseline's cost is what it seems; of its rates no more is believed than it shows.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import betaincinv

from router.rollout.route_time import NOTHING_TIMED, RATIO, RouteTime
from router.sequential import mean_bounds, rate_e_value

GUARDS = ("error-rate", "p99", "route-p99", "usd-per-correct", "wrong-hits", "undecided", "late")
LEAST_BASELINE = 100
SLOW, SLOW_ALLOWED = 0.01, 0.03  # one in a hundred of the baseline is that slow; three in a hundred is too many


@dataclass(frozen=True)
class Arm:
    """What is known of a policy's decisions, one entry per reported call; NaN where a report does not say.

    `wrong_hits` counts reported cached answers, `decided` all decisions; others had to make the `undecided`, which it
    failed at, and the `late`. `route_p99_seconds` is /route's own time.
    """

    failed: np.ndarray
    seconds: np.ndarray
    usd: np.ndarray
    correct: np.ndarray
    wrong_hits: int = 0
    decided: int = 0
    undecided: int = 0
    late: int = 0
    route_p99_seconds: float = math.nan

    @property
    def error_rate(self) -> float:
        return float(self.failed.mean()) if len(self.failed) else math.nan

    @property
    def p99_seconds(self) -> float:
        known = self.seconds[np.isfinite(self.seconds)]
        return float(np.quantile(known, 0.99)) if len(known) else math.nan

    @property
    def usd_per_correct(self) -> float:
        both = np.isfinite(self.usd) & np.isfinite(self.correct)
        right = float(self.correct[both].sum())
        return float(self.usd[both].sum()) / right if right else math.nan

    def as_dict(self) -> dict[str, Any]:
        names = ("error_rate", "p99_seconds", "route_p99_seconds", "usd_per_correct")
        figures = {name: getattr(self, name) for name in names}
        told = {name: value if math.isfinite(value) else None for name, value in figures.items()}
        counts = {name: getattr(self, name) for name in ("wrong_hits", "decided", "undecided", "late")}
        return {"reported": len(self.failed), **told, **counts}


@dataclass(frozen=True)
class GuardRules:
    """How much worse is harm: `errors` more failures (a share of calls), `usd` more per correct answer (a share),
    `wrong_hits` of all decisions, `undecided` of all requests, `late` of them, which an overloaded machine makes some
    of any policy's. What is decided in less than `route_seconds` is never slow."""

    errors: float = 0.02
    usd: float = 0.10
    wrong_hits: float = 0.01
    undecided: float = 0.01
    late: float = 0.20
    route_seconds: float = 0.05
    level: float = 0.01


@dataclass(frozen=True)
class Trip:
    """A guard that tripped: which, in a sentence, and the numbers."""

    guard: str
    message: str
    evidence: Mapping[str, Any]


def find_trips(
    tried: Arm, baseline: Arm, rules: GuardRules = GuardRules(), route_time: RouteTime = NOTHING_TIMED
) -> list[Trip]:
    """What speaks for taking the policy back; empty while nothing does."""
    level = rules.level / len(GUARDS)
    checks = (_errors, _slowness, _cost, _wrong_hits, _undecided, _late)
    return [
        *(trip for check in checks for trip in check(tried, baseline, rules, level)),
        *_slow_route(route_time, level),
    ]


def _errors(tried: Arm, baseline: Arm, rules: GuardRules, level: float) -> Iterator[Trip]:
    known, before = len(baseline.failed), int(baseline.failed.sum())
    usual, sure = (before / known, _at_most(before, known, level / 2)) if known >= LEAST_BASELINE else (0.0, 0.0)
    most, n, count = min(max(usual + rules.errors, sure), 0.99), len(tried.failed), float(tried.failed.sum())
    if rate_e_value(count, n, most) > 2 / level:
        said = f"{count:.0f} of {n} calls failed ({count / n:.1%}); before {usual:.1%}, at most {most:.1%} is borne"
        yield Trip("error-rate", said, {"failed": count, "calls": n, "usual": usual, "most": most})


def _slowness(tried: Arm, baseline: Arm, rules: GuardRules, level: float) -> Iterator[Trip]:
    usual = baseline.seconds[np.isfinite(baseline.seconds)]
    seen = tried.seconds[np.isfinite(tried.seconds)]
    if len(usual) < LEAST_BASELINE or not len(seen):
        return
    limit = float(np.quantile(usual, 1 - SLOW))
    slow, before = int((seen > limit).sum()), int((usual > limit).sum())
    most = max(SLOW_ALLOWED, _at_most(before, len(usual), level / 2))
    if rate_e_value(slow, len(seen), most) > 2 / level:
        said = f"{slow} of {len(seen)} calls took longer than {limit:.2f} s, as 1 in 100 did before: its p99 is worse"
        evidence = {"slow": slow, "calls": len(seen), "usual_p99_s": limit, "p99_s": tried.p99_seconds, "most": most}
        yield Trip("p99", said, evidence)


def _at_most(count: int, n: int, level: float) -> float:
    """The upper bound of a rate (Clopper & Pearson 1934): a hundred calls hardly know their p99."""
    return float(betaincinv(count + 1, n - count, 1 - level)) if count < n else 1.0


def _slow_route(seen: RouteTime, level: float) -> Iterator[Trip]:
    if seen.log_evidence > math.log(1 / level):
        said = f"/route took longer than {seen.limit_seconds:.3f} s on {seen.slow} of its {seen.decided} decisions, "
        said += f"and on {seen.usual_slow} of {seen.usual_decided} beside it; up to {RATIO:g} times as often is borne"
        yield Trip("route-p99", said, seen.readings())


def _cost(tried: Arm, baseline: Arm, rules: GuardRules, level: float) -> Iterator[Trip]:
    usual = baseline.usd_per_correct
    both = np.isfinite(tried.usd) & np.isfinite(tried.correct)
    if not math.isfinite(usual) or len(baseline.usd) < LEAST_BASELINE:
        return
    most = usual * (1 + rules.usd)
    low, _ = mean_bounds(tried.usd[both] - most * tried.correct[both], level * 2)
    if low > 0:
        said = f"${tried.usd_per_correct:.6f} per correct answer on {int(both.sum())} calls; before ${usual:.6f}"
        evidence = {"calls": int(both.sum()), "usd_per_correct": tried.as_dict()["usd_per_correct"], "usual": usual}
        yield Trip("usd-per-correct", said, evidence)


def _wrong_hits(tried: Arm, baseline: Arm, rules: GuardRules, level: float) -> Iterator[Trip]:
    if tried.wrong_hits and rate_e_value(tried.wrong_hits, tried.decided, max(rules.wrong_hits, 1e-3)) > 1 / level:
        said = f"{tried.wrong_hits} of {tried.decided} requests got a wrong answer from the cache"
        yield Trip("wrong-hits", said, {"wrong": tried.wrong_hits, "requests": tried.decided})


def _undecided(tried: Arm, baseline: Arm, rules: GuardRules, level: float) -> Iterator[Trip]:
    n = tried.decided + tried.undecided + tried.late
    if tried.undecided and rate_e_value(tried.undecided, n, rules.undecided) > 1 / level:
        said = f"it could not decide {tried.undecided} of {n} requests"
        yield Trip("undecided", said, {"undecided": tried.undecided, "requests": n})


def _late(tried: Arm, baseline: Arm, rules: GuardRules, level: float) -> Iterator[Trip]:
    n = tried.decided + tried.undecided + tried.late
    if tried.late and rate_e_value(tried.late, n, rules.late) > 1 / level:
        said = f"it was late for {tried.late} of {n} requests, which the safe route answered"
        yield Trip("late", said, {"late": tried.late, "requests": n})
