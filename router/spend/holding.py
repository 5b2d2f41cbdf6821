"""What is held for a decision until it reports: the call as the ledger books it, and how much it may need.

Knows decisions and prices; the ledger does the booking.
"""

import math

from router.decisions import Decision, Option
from router.money import to_pico
from router.offers import most_usage
from router.outcomes import Pricer
from router.prices import find_model
from router.requests import Request
from router.routes import effort_rank
from router.spend.budgets import Applied, Estimate
from router.spend.ledger import NewCall
from router.spend.ownership import Owner
from router.spend.spending_file import SpendingRules


def new_call(decision: Decision, request: Request, owner: Owner) -> NewCall:
    """A decision as a call of the ledger, with nothing held yet, and what the strongest route and the fullest effort of
    the same model were expected to cost."""
    chosen = decision.chosen
    found = find_model(chosen.route.model)
    options = [one for one in (chosen, *decision.alternatives) if math.isfinite(one.expected_usd)]
    strongest = max(options, key=lambda one: one.p_correct, default=None)
    same = [one for one in options if one.route.model == chosen.route.model]
    fullest = max(same, key=lambda one: effort_rank(one.route.effort) or 0.0, default=None)
    return NewCall(
        call_id=decision.decision_id,
        at=decision.at,
        owner=owner,
        model=chosen.route.model,
        effort=chosen.route.effort,
        tier=chosen.tier,
        estimate=Estimate(0, 0, 0),
        provider=found[0].id if found else None,
        session=request.session,
        kind="cache" if decision.action == "cached" else "call",
        strongest=_pico(strongest),
        same_model=_pico(fullest),
        saved_cache=to_pico(decision.saved_usd),
    )


def _pico(option: Option | None) -> int | None:
    return None if option is None else to_pico(option.expected_usd)


def held(
    decision: Decision, request: Request, rules: SpendingRules, bound: tuple[Applied, ...], price: Pricer
) -> Estimate:
    """Expectation and high quantile as the policy gave them; the cap only where a strict budget asks for it.

    A safe route was not estimated: its cap stands in. A model that nobody prices is held at the configured amount.
    """
    chosen = decision.chosen
    if math.isfinite(chosen.expected_usd):
        expected = to_pico(chosen.expected_usd)
        upper = max(expected, to_pico(chosen.upper_usd)) if math.isfinite(chosen.upper_usd) else expected
        strict = any(one.budget.strict for one in bound)
        return Estimate(expected, upper, max(upper, _cap(decision, request, rules, price)) if strict else upper)
    most = _cap(decision, request, rules, price)
    return Estimate(most, most, most)


def _cap(decision: Decision, request: Request, rules: SpendingRules, price: Pricer) -> int:
    """The most that the call can cost: every byte a token, and the whole output cap."""
    chosen = decision.chosen
    usd = price(chosen.route, most_usage(request, chosen.route, chosen.max_output_tokens), decision.at)
    return to_pico(rules.ledger.unpriced_usd if usd is None else usd)
