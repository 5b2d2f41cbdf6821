"""Whether thinking harder is worth its price, class of query by class of query."""

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from pydantic import Field

from router.economics.inputs import Amount, Inputs, Share, check_shares


class EffortOption(Inputs):
    """One effort: what a query costs with it and how often it is right."""

    effort: str
    usd_per_query: Amount
    p_correct: Share


class QueryClass(Inputs):
    """Queries of one kind, by their share of all, and the efforts that may serve them."""

    name: str
    share: Share
    options: tuple[EffortOption, ...] = Field(min_length=1)


class EffortPlan(Inputs):
    """Classes whose shares add up to 1, and what a correct answer is worth."""

    classes: tuple[QueryClass, ...] = Field(min_length=1)
    usd_per_correct_answer: Amount

    def model_post_init(self, context: object) -> None:
        check_shares("classes", [one.share for one in self.classes])


@dataclass(frozen=True)
class EffortChoice:
    """The best effort of a class, and what its last step above the next cheaper one returns per dollar."""

    query_class: str
    share: Decimal
    effort: str
    usd_per_query: Decimal
    p_correct: Decimal
    steps: tuple["EffortStep", ...]


@dataclass(frozen=True)
class EffortStep:
    """From one effort to the next dearer one. `usd_per_extra_correct` is None where nothing is gained."""

    effort: str
    added_usd: Decimal
    added_p_correct: Decimal
    usd_per_extra_correct: Decimal | None
    pays: bool


def choose_efforts(plan: EffortPlan) -> tuple[EffortChoice, ...]:
    """For each class the effort with the largest value × P(correct) − USD; the cheaper one on a tie."""
    return tuple(_choice(one, plan.usd_per_correct_answer) for one in plan.classes)


def blended(choices: tuple[EffortChoice, ...]) -> tuple[Decimal, Decimal]:
    """(USD per query, P(correct)) over all classes."""
    usd = sum((one.share * one.usd_per_query for one in choices), Decimal(0))
    return usd, sum((one.share * one.p_correct for one in choices), Decimal(0))


def _choice(query_class: QueryClass, value: Decimal) -> EffortChoice:
    ordered = sorted(query_class.options, key=lambda one: one.usd_per_query)
    best = max(ordered, key=lambda one: value * one.p_correct - one.usd_per_query)
    steps = tuple(_step(cheaper, dearer, value) for cheaper, dearer in pairwise(ordered))
    return EffortChoice(query_class.name, query_class.share, best.effort, best.usd_per_query, best.p_correct, steps)


def _step(cheaper: EffortOption, dearer: EffortOption, value: Decimal) -> EffortStep:
    usd, gained = dearer.usd_per_query - cheaper.usd_per_query, dearer.p_correct - cheaper.p_correct
    return EffortStep(dearer.effort, usd, gained, usd / gained if gained > 0 else None, value * gained > usd)
