"""Parts of a saving add up, and units divide what was spent."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from router.money import PICO
from router.spend.query import SpendRow
from router.spend.savings import DEFINITIONS, Savings, UnitCosts

AMOUNT = st.integers(0, 10**15)


@given(AMOUNT, AMOUNT, AMOUNT, AMOUNT, AMOUNT, AMOUNT)
def test_the_parts_are_the_whole_difference(
    strong: int, same: int, expected: int, paid: int, hit: int, caused: int
) -> None:
    row = SpendRow((), counterfactual=strong, same_model=same, expected=expected, decided_spent=paid, saved_cache=hit)
    saved = Savings.of(SpendRow(**{**vars(row), "caused": caused}))
    assert saved.saved == saved.counterfactual - paid - caused
    assert set(DEFINITIONS) > {"by_routing", "by_effort", "by_cache", "by_prefix_cache", "estimate_error", "saved"}


def test_units_that_were_not_counted_have_no_cost() -> None:
    row = SpendRow((), calls=4, spent=2 * PICO, tasks=2, tasks_resolved=1)
    costs = UnitCosts.of(row, Decimal(10))
    assert (costs.per_call, costs.per_task, costs.per_resolved_task) == (Decimal("0.5"), 1, 2)
    assert (costs.per_user, costs.per_correct, costs.per_revenue_dollar) == (None, None, Decimal("0.2"))
