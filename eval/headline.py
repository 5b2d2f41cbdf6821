"""The first sentence of the report: what to do, in dollars, and what speaks against it.

Compares the chosen point with single routes and, at equal spend, with simple policies. It never claims a gain whose
95 % interval reaches zero. Knows nothing of pictures or files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from eval.bootstrap import Estimate, mean_estimates, number, ratio_estimates
from eval.metrics import upper_hulls
from eval.sweeps import Sweep
from eval.wording import dollars, interval, per_cent, points

AS_GOOD = 0.01  # the gain in accuracy below which a surely cheaper route is called as good

Verdict = Literal["route", "no clear gain", "do not route"]


@dataclass(frozen=True)
class Against:
    """A simple policy at the router's spend (mixing two of its points); the difference is router minus reference."""

    name: str
    label: str
    usd: float
    accuracy: float
    accuracy_difference: Estimate
    usd_for_router_accuracy: float | None


@dataclass(frozen=True)
class AgainstSingle:
    """Always one route. Saved: its spend minus the router's, per request. Accuracy: router minus route."""

    route: str
    usd: float
    accuracy: float
    saved_usd: Estimate
    saved_share: Estimate
    accuracy_difference: Estimate

    @property
    def dominates(self) -> bool:
        """Costs no more and is surely more accurate."""
        return self.saved_usd.value is not None and self.saved_usd.value <= 0 and self.accuracy_difference.below_zero

    @property
    def does_as_well(self) -> bool:
        """Costs less, surely, and the router is surely no more than a point better. A wide interval proves neither."""
        high = self.accuracy_difference.high
        return self.saved_usd.below_zero and high is not None and high <= AS_GOOD


@dataclass(frozen=True)
class Headline:
    verdict: Verdict
    sentence: str
    usd: float
    accuracy: float
    strongest: AgainstSingle


def compare_with_singles(
    point: Sweep, labels: Sequence[str], usd: np.ndarray, correct: np.ndarray, replicates: int, seed: int
) -> tuple[AgainstSingle, ...]:
    """One comparison per column of usd and correct (n, A)."""
    saved, gained = usd - point.usd, point.correct - correct
    money, accuracy = (mean_estimates(cells, replicates, seed) for cells in (saved, gained))
    shares = ratio_estimates(saved, usd, replicates, seed)
    means = zip(usd.mean(axis=0).tolist(), correct.mean(axis=0).tolist())
    columns = zip(labels, means, money, shares, accuracy)
    return tuple(AgainstSingle(label, *mean, *estimates) for label, mean, *estimates in columns)


def compare_at_equal_spend(
    point: Sweep, references: Sequence[Sweep], replicates: int, seed: int
) -> tuple[Against, ...]:
    usd, accuracy = float(point.usd.mean()), point.correct.mean()
    mixes = [mix_at(reference, usd) for reference in references]
    gained = np.stack([point.correct[:, 0] - right for _, right in mixes], axis=1)
    differences = mean_estimates(gained, replicates, seed)
    return tuple(
        Against(one.name, one.label, float(spent.mean()), float(right.mean()), difference, _usd_for(one, accuracy))
        for one, (spent, right), difference in zip(references, mixes, differences)
    )


def _usd_for(sweep: Sweep, accuracy: float) -> float | None:
    hull = upper_hulls(sweep.usd.mean(axis=0)[None], sweep.correct.mean(axis=0)[None])
    return number(hull.usd_for(np.array([accuracy]))[0])


def mix_at(sweep: Sweep, usd: float) -> tuple[np.ndarray, np.ndarray]:
    """Per query what the sweep's hull spends and gets right at this mean spend: its two neighbouring corners, mixed."""
    mean_usd, mean_right = sweep.usd.mean(axis=0), sweep.correct.mean(axis=0)
    hull = upper_hulls(mean_usd[None], mean_right[None])
    reached = zip(hull.usd[0], hull.accuracy[0])
    corners = [int(np.flatnonzero((mean_usd == x) & (mean_right == y))[0]) for x, y in reached]
    at = np.interp(usd, hull.usd[0], np.arange(len(corners)))
    low, high = corners[int(np.floor(at))], corners[int(np.ceil(at))]
    part = at - np.floor(at)
    spent, right = ((1 - part) * cells[:, low] + part * cells[:, high] for cells in (sweep.usd, sweep.correct))
    return spent, right


def headline(
    policy: str,
    simulated: bool,
    point: Sweep,
    strongest: AgainstSingle,
    singles: Sequence[AgainstSingle],
    against: Sequence[Against],
) -> Headline:
    usd, accuracy = float(point.usd.mean()), float(point.correct.mean())
    verdict, sentence = _judge(policy, usd, accuracy, strongest, singles, against)
    prefix = "Simulated labels: " if simulated else ""
    return Headline(verdict, prefix + sentence, usd, accuracy, strongest)


def _judge(
    policy: str,
    usd: float,
    accuracy: float,
    strongest: AgainstSingle,
    singles: Sequence[AgainstSingle],
    against: Sequence[Against],
) -> tuple[Verdict, str]:
    worse = [one for one in singles if one.dominates]
    if worse:
        best = max(worse, key=lambda one: (one.accuracy, -one.usd))
        return "do not route", _keep_single(policy, usd, accuracy, best)
    rival = min(against, key=lambda one: _low(one.accuracy_difference), default=None)
    if rival and rival.accuracy_difference.below_zero:
        return "do not route", _keep_rival(policy, usd, accuracy, rival)
    same = [one for one in singles if one.saved_usd.value == 0 and one.accuracy_difference == Estimate(0.0, 0.0, 0.0)]
    if same:
        return "no clear gain", _no_choice(policy, usd, accuracy, same[0])
    enough = [one for one in singles if one.does_as_well]
    if enough:
        return "no clear gain", _keep_cheaper(policy, usd, accuracy, max(enough, key=lambda one: one.accuracy))
    base = _compared(policy, usd, accuracy, strongest)
    if rival and not rival.accuracy_difference.above_zero:
        return "no clear gain", f"{base}; but {_rival_caveat(rival, usd)}."
    return "route", f"{base}."


def _no_choice(policy: str, usd: float, accuracy: float, single: AgainstSingle) -> str:
    what = f"{policy} sends every request to {single.route} at this point"
    return f"{what}, so routing changes nothing: {_at(usd, accuracy)}."


def _compared(policy: str, usd: float, accuracy: float, single: AgainstSingle) -> str:
    other = f"{per_cent(single.accuracy)} at {dollars(single.usd, 1000)} for always {single.route}"
    change = f"{_money(single)} {_accuracy(single.accuracy_difference)}"
    return f"Route with {policy}: {_at(usd, accuracy)}, against {other}: {change}"


def _low(one: Estimate) -> float:
    return one.value if one.value is not None else 0.0


def _at(usd: float, accuracy: float) -> str:
    return f"{per_cent(accuracy)} correct at {dollars(usd, 1000)} per 1,000 requests"


def _money(single: AgainstSingle) -> str:
    saved = single.saved_usd.value or 0.0
    if saved < 0:
        return f"costs {dollars(-saved, 1000)} more per 1,000 requests"
    share = single.saved_share
    percent = f"{per_cent(share.value, 0)}, 95 % interval {interval(share, lambda x: per_cent(x, 0))}"
    return f"saves {dollars(saved, 1000)} per 1,000 requests ({percent})"


def _accuracy(gain: Estimate) -> str:
    value = gain.value or 0.0
    if gain.below_zero:
        lost = Estimate(-value, -(gain.high or 0.0), -(gain.low or 0.0))
        return f"for {_plain(value)} points of accuracy ({interval(lost, _plain)})"
    if gain.above_zero:
        return f"and gains {_plain(value)} points of accuracy ({interval(gain, _plain)})"
    return f"with no proved change of accuracy ({points(value)} points, {interval(gain)})"


def _plain(share: float) -> str:
    return points(share, signed=False)


def _rival_caveat(rival: Against, usd: float) -> str:
    gain = rival.accuracy_difference
    spend = "at this spend" if abs(rival.usd - usd) <= 0.001 * usd else f"at {dollars(rival.usd, 1000)}"
    return f"{_named(rival)} does as well {spend} (router {points(gain.value)} points, {interval(gain)})"


def _named(rival: Against) -> str:
    return f"the {rival.label[0].lower()}{rival.label[1:]}"


def _keep_cheaper(policy: str, usd: float, accuracy: float, single: AgainstSingle) -> str:
    there = f"{per_cent(accuracy)} at {dollars(usd, 1000)}"
    change = f"{_money(single)} {_accuracy(single.accuracy_difference)}"
    return f"Keep always {single.route}: {_at(single.usd, single.accuracy)}; {policy} ({there}) {change}."


def _keep_single(policy: str, usd: float, accuracy: float, single: AgainstSingle) -> str:
    gain, better = single.accuracy_difference, f"always {single.route}"
    return _keep(policy, better, single.usd, single.accuracy, usd, accuracy, gain)


def _keep_rival(policy: str, usd: float, accuracy: float, rival: Against) -> str:
    return _keep(policy, _named(rival), rival.usd, rival.accuracy, usd, accuracy, rival.accuracy_difference)


def _keep(
    policy: str, better: str, its_usd: float, its_accuracy: float, usd: float, accuracy: float, gain: Estimate
) -> str:
    return (
        f"Do not route with {policy} yet: {better} gives {_at(its_usd, its_accuracy)}, "
        f"the policy {per_cent(accuracy)} at {dollars(usd, 1000)} "
        f"({points(gain.value)} points, 95 % interval {interval(gain)})."
    )
