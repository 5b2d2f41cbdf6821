"""Now and then another plausible route than the best one, so that the log can tell what other policies would be worth.

Knows options, limits and the draw; knows nothing of how options were estimated. The draw is a hash of seed and decision
id and everything it depends on is logged, so whoever has the log can repeat it: `replays` does.
"""

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from threading import Lock
from typing import Any

from router.decisions import Decision, Option
from router.policy import Policy
from router.privacy.leaver import Leaver
from router.provider_parameters import provider_parameters
from router.requests import Request
from router.settings import Settings

LEAST_PROPENSITY = 1e-3  # a rarer route would weigh more than a thousand requests in every estimate from the log
MOST_TENANTS = 10_000


@dataclass(frozen=True)
class ExploreLimits:
    """How much may be explored. A route is plausible within `max_extra_usd` (USD a call) and `max_risk` (P(correct))
    of the best one. In expectation, exploring adds at most `extra_share` of the best route's USD and loses at most
    `risk_share` of correct answers, on every request, so for every tenant. A tenant's explored calls of one UTC day
    and process cost at most `daily_usd` more and `daily_wrong` answers, as estimated.
    """

    epsilon: float = 0.0
    max_extra_usd: float = 0.001
    max_risk: float = 0.1
    extra_share: float = 0.05
    risk_share: float = 0.005
    daily_usd: float = 1.0
    daily_wrong: float = 20.0


@dataclass(frozen=True)
class Left:
    """What a tenant may still explore today: estimated USD and wrong answers."""

    usd: float
    wrong: float


def lottery(options: Sequence[Option], limits: ExploreLimits, left: Left) -> dict[str, float]:
    """The probability of each route that may be taken, the first option's (the best one's) with what is left over.

    Routes that would be explored too rarely to be of use leave, the one that burdens the bounds most first.
    """
    best = options[0]
    burdens = {one.route.key: _burden(best, one) for one in options[1:]}
    plausible = {
        key: (usd, risk)
        for key, (usd, risk) in burdens.items()
        if usd <= min(limits.max_extra_usd, left.usd) and risk <= min(limits.max_risk, left.wrong)
    }
    while plausible:
        each = _epsilon(list(plausible.values()), best.expected_usd, limits) / len(plausible)
        if each >= LEAST_PROPENSITY:
            return {best.route.key: 1.0 - each * len(plausible), **dict.fromkeys(plausible, each)}
        del plausible[max(plausible, key=lambda key: _share(plausible[key], best.expected_usd, limits))]
    return {best.route.key: 1.0}


def draw(seed: int, decision_id: str) -> float:
    """A number from 0 up to 1, the same for the same seed and id on every machine."""
    digest = hashlib.sha256(f"{seed}:{decision_id}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def drawn(probabilities: Mapping[str, float], at: float) -> str:
    """The route that a draw picks, in the order of their names."""
    reached = 0.0
    for key in sorted(probabilities):
        reached += probabilities[key]
        if at < reached:
            return key
    return max(probabilities, key=lambda key: probabilities[key])  # rounding left a sliver at the end


@dataclass
class _Spent:
    day: date
    usd: float = 0.0
    wrong: float = 0.0


@dataclass
class Explorer:
    """Takes a decision to a lottery between its options. Share one between all threads of a process."""

    limits: ExploreLimits
    seed: int = 0
    tenants: Mapping[str, ExploreLimits] = field(default_factory=dict)
    _spent: OrderedDict[str, _Spent] = field(default_factory=OrderedDict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def __call__(self, decision: Decision, request: Request, policy: Policy, again: bool = False) -> Decision:
        """The decision, or one of its alternatives in its place; either way with its exact propensity.

        Plans, throttled calls and requests that ask for the cheapest or the best are never explored. What is decided
        `again` after a refusal is not either, and says so: how probable its route was cannot be told.
        """
        if again:
            return replace(decision, exploration={"again": True})
        limits = self.tenants.get(request.tenant, self.limits)
        bound = decision.plan is not None or decision.ceiling_usd is not None or request.objective is not None
        if not limits.epsilon or bound or decision.action != "route":
            return decision
        try:
            return self._explored(decision, request.tenant, policy, limits)
        except Exception:  # the best route needs no lottery
            logging.getLogger(__name__).exception("exploration failed")
            return decision

    def forget(self, leaver: Leaver) -> None:
        """What exploring has cost a tenant today, where the tenant leaves."""
        if leaver.whole:
            with self._lock:
                for tenant in leaver.among(list(self._spent)):
                    del self._spent[tenant]

    def _explored(self, decision: Decision, tenant: str, policy: Policy, limits: ExploreLimits) -> Decision:
        options = (decision.chosen, *decision.alternatives)
        with self._lock:  # what is left and what is taken of it belong together
            spent = self._of(tenant, decision.at.date())
            left = Left(limits.daily_usd - spent.usd, limits.daily_wrong - spent.wrong)
            probabilities = lottery(options, limits, left)
            key = drawn(probabilities, draw(self.seed, decision.decision_id))
            taken = next(one for one in options if one.route.key == key)
            usd, wrong = _burden(options[0], taken)
            spent.usd, spent.wrong = spent.usd + usd, spent.wrong + wrong
        record = {
            "best": options[0].route.key,
            "probabilities": probabilities,
            "seed": self.seed,
            "limits": vars(limits),
            "left": vars(left),
        }
        decision = replace(decision, propensity=probabilities[key], exploration=record)
        return decision if taken is options[0] else _instead(decision, taken, policy)

    def _of(self, tenant: str, day: date) -> _Spent:
        spent = self._spent.get(tenant)
        if spent is None or spent.day != day:
            spent = self._spent[tenant] = _Spent(day)
        self._spent.move_to_end(tenant)
        if len(self._spent) > MOST_TENANTS:
            self._spent.popitem(last=False)
        return spent


def explorer_of(settings: Settings) -> Explorer | None:
    """The explorer that the settings ask for; None where nobody explores."""
    names = ExploreLimits.__dataclass_fields__
    limits = ExploreLimits(**{name: getattr(settings, f"explore_{name}") for name in names})
    own = {
        tenant: replace(limits, **one.model_dump(exclude_none=True)) for tenant, one in settings.explore_tenants.items()
    }
    if not any(one.epsilon for one in (limits, *own.values())):
        return None
    return Explorer(limits, settings.explore_seed, own)


def replays(row: Mapping[str, Any]) -> bool:
    """Whether a logged decision (a row of the log) follows from what is logged beside it, to the bit."""
    record = row.get("exploration")
    if not record or record.get("again"):
        return not record
    options = sorted(row["options"], key=lambda one: one["route"] != record["best"])
    weighed = [_Weighed(_Key(one["route"]), one["p_correct"], one["expected_usd"]) for one in options]
    probabilities = lottery(weighed, ExploreLimits(**record["limits"]), Left(**record["left"]))  # type: ignore[arg-type]
    key = drawn(probabilities, draw(record["seed"], row["decision_id"]))
    same = probabilities == record["probabilities"] and probabilities[key] == row["propensity"]
    return bool(same and key == row["route"])


@dataclass(frozen=True)
class _Key:
    key: str


@dataclass(frozen=True)
class _Weighed:
    """Of an option, what the lottery reads."""

    route: _Key
    p_correct: float
    expected_usd: float


def _burden(best: Option, one: Option) -> tuple[float, float]:
    """USD that a route costs more than the best one and P(correct) that it has less; never below nothing."""
    return max(0.0, one.expected_usd - best.expected_usd), max(0.0, best.p_correct - one.p_correct)


def _share(burden: tuple[float, float], usd: float, limits: ExploreLimits) -> float:
    """A burden in units of what is allowed per request."""
    return max(
        burden[0] / max(limits.extra_share * usd, 1e-12),
        burden[1] / max(limits.risk_share, 1e-12),
    )


def _epsilon(burdens: Sequence[tuple[float, float]], usd: float, limits: ExploreLimits) -> float:
    """The share of requests that may explore, so that the expected burden keeps within both bounds."""
    mean_usd, mean_risk = (sum(column) / len(burdens) for column in zip(*burdens))
    return min(limits.epsilon, 1.0 / max(_share((mean_usd, mean_risk), usd, limits), 1.0))


def _instead(decision: Decision, taken: Option, policy: Policy) -> Decision:
    others = (decision.chosen, *(one for one in decision.alternatives if one is not taken))
    reason = f"Explores {taken.route.key} (probability {decision.propensity:.4f}) in place of: {decision.reason}"
    parameters = provider_parameters(policy.specs[taken.route], taken.max_output_tokens)
    return replace(decision, chosen=taken, alternatives=others, reason=reason, parameters=parameters)
