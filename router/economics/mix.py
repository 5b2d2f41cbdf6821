"""What sending requests to different models is worth: mixes, the classifier that sorts them, cascades, arbitrage.

Knows costs per call and shares; which request is easy is the policy's business.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from pydantic import Field

from router.economics.inputs import DAYS_PER_YEAR, Amount, Inputs, Share, check_shares, refuse


class Leg(Inputs):
    """One class of requests and what a call of it costs. `p_correct` only where quality is compared."""

    name: str
    share: Share
    usd_per_call: Amount
    p_correct: Share | None = None


class Mix(Inputs):
    """Legs whose shares add up to 1, and the single model that they replace."""

    legs: tuple[Leg, ...] = Field(min_length=1)
    baseline_usd_per_call: Amount
    calls_per_day: Amount = Decimal(1)
    classifier_usd_per_call: Amount = Decimal(0)

    def model_post_init(self, context: object) -> None:
        check_shares("legs", [one.share for one in self.legs])


@dataclass(frozen=True)
class MixSaving:
    """USD per call and day of the mix and its baseline."""

    usd_per_call: Decimal
    usd_per_day: Decimal
    baseline_usd_per_day: Decimal
    usd_per_day_by_leg: dict[str, Decimal]
    p_correct: Decimal | None

    @property
    def saved_usd_per_day(self) -> Decimal:
        return self.baseline_usd_per_day - self.usd_per_day

    @property
    def saved_share(self) -> Decimal:
        return self.saved_usd_per_day / self.baseline_usd_per_day if self.baseline_usd_per_day else Decimal(0)

    @property
    def saved_usd_per_year(self) -> Decimal:
        return self.saved_usd_per_day * DAYS_PER_YEAR


def mix_saving(mix: Mix) -> MixSaving:
    per_leg = {one.name: one.share * one.usd_per_call * mix.calls_per_day for one in mix.legs}
    per_call = sum((one.share * one.usd_per_call for one in mix.legs), mix.classifier_usd_per_call)
    known = [one.share * one.p_correct for one in mix.legs if one.p_correct is not None]
    return MixSaving(
        usd_per_call=per_call,
        usd_per_day=per_call * mix.calls_per_day,
        baseline_usd_per_day=mix.baseline_usd_per_call * mix.calls_per_day,
        usd_per_day_by_leg=per_leg,
        p_correct=sum(known, Decimal(0)) if len(known) == len(mix.legs) else None,
    )


class Classifier(Inputs):
    """A classifier between a cheap and a dear model.

    `accuracy` holds for both classes. A hard request sent to the cheap model fails and costs `usd_per_failure`.
    """

    easy_share: Share
    cheap_usd_per_call: Amount
    dear_usd_per_call: Amount
    classifier_usd_per_call: Amount = Decimal(0)
    usd_per_failure: Amount = Decimal(0)
    accuracy: Share | None = None

    def model_post_init(self, context: object) -> None:
        if self.cheap_usd_per_call > self.dear_usd_per_call:
            cure = f"It must not cost more than dear_usd_per_call ({self.dear_usd_per_call})."
            raise refuse("cheap_usd_per_call", self.cheap_usd_per_call, "dearer than the dear model", cure)

    def saved_usd_per_call(self, accuracy: Decimal) -> Decimal:
        """Against always the dear model: what goes to the cheap one saves the difference; what fails there is paid."""
        difference = self.dear_usd_per_call - self.cheap_usd_per_call
        easy, hard = self.easy_share, 1 - self.easy_share
        to_cheap = easy * accuracy + hard * (1 - accuracy)
        return to_cheap * difference - self.classifier_usd_per_call - hard * (1 - accuracy) * self.usd_per_failure


def accuracy_to_pay(classifier: Classifier) -> Decimal | None:
    """The least accuracy at which routing saves anything, in 0..1; None where no accuracy does.

    The saving is linear in accuracy, so the root of the line through accuracy 0 and 1.
    """
    none, all_right = classifier.saved_usd_per_call(Decimal(0)), classifier.saved_usd_per_call(Decimal(1))
    slope = all_right - none
    if none >= 0:
        return Decimal(0)
    if all_right < 0 or slope <= 0:
        return None
    return -none / slope


class CascadePlan(Inputs):
    """Ask the cheap model first; a judge decides whether the dear one must answer after all."""

    cheap_usd_per_call: Amount
    dear_usd_per_call: Amount
    judge_usd_per_call: Amount = Decimal(0)
    escalated_share: Share

    def usd_per_call(self) -> Decimal:
        return self.cheap_usd_per_call + self.judge_usd_per_call + self.escalated_share * self.dear_usd_per_call

    def saved_share(self) -> Decimal:
        """Of always the dear model; negative where the cascade costs more."""
        return 1 - self.usd_per_call() / self.dear_usd_per_call if self.dear_usd_per_call else Decimal(0)

    def most_escalated(self) -> Decimal:
        """The share of escalations up to which the cascade is not dearer than always the dear model."""
        if not self.dear_usd_per_call:
            return Decimal(0)
        return max(Decimal(0), 1 - (self.cheap_usd_per_call + self.judge_usd_per_call) / self.dear_usd_per_call)


@dataclass(frozen=True)
class Arbitrage:
    """The cheapest of hosts that offer the same quality, against the one in use."""

    best: str
    best_usd: Decimal
    current_usd: Decimal

    @property
    def saved_share(self) -> Decimal:
        return 1 - self.best_usd / self.current_usd if self.current_usd else Decimal(0)


def arbitrage(current: str, usd_per_call: Sequence[tuple[str, Decimal]]) -> Arbitrage:
    """Hosts of one model with the price of the same call. `current` must be among them."""
    prices = dict(usd_per_call)
    if current not in prices:
        raise refuse("current", current, "not among the hosts", f"Use one of {', '.join(prices)}.")
    best = min(prices, key=lambda name: prices[name])
    return Arbitrage(best, prices[best], prices[current])


def usd_per_correct(usd_per_call: Decimal, p_correct: Decimal) -> Decimal | None:
    """Cost of a correct answer; None where none is correct."""
    return usd_per_call / p_correct if p_correct else None


def wrong_answer_value(
    cheap_usd: Decimal, cheap_correct: Decimal, dear_usd: Decimal, dear_correct: Decimal
) -> Decimal | None:
    """What a wrong answer must cost for the dearer model to be worth it: Δ USD ÷ Δ P(correct); None if it never is."""
    gained = dear_correct - cheap_correct
    return (dear_usd - cheap_usd) / gained if gained > 0 else None
