"""Costs without a decision are priced, owned, and booked once."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from router.errors import InputError
from router.log.store import LogStore
from router.prices import PriceBook
from router.spend.budgets import Budget
from router.spend.cost_reports import book_cost, read_cost
from router.spend.ledger_tables import balances
from router.spend.spending_file import SpendingRules

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def cost(**given: Any) -> Any:
    return read_cost({"id": "x", **given}, AT, lambda route, usage, at: PriceBook().usd(route, usage, at))


def test_a_cost_is_priced_from_its_usage() -> None:
    found = cost(kind="judge", model="gpt-4o", usage={"prompt_tokens": 1000, "completion_tokens": 100}, feature="qa")
    assert (found.found.spent, found.call.owner.feature, found.call.provider) == (3_500_000_000, "qa", "openai")


def test_a_cost_counts_on_its_budgets_once(store: LogStore) -> None:
    rules = SpendingRules(budgets=(Budget("b", {"tenant": "*"}, "day", Decimal("0.001"), "hard"),))
    booked = [
        store.write(lambda c: book_cost(c, cost(usd="0.5", tenant="acme", kind="storage"), rules)).result(5)
        for _ in range(2)
    ]
    with store.reading() as connection:
        assert connection.execute(select(balances.c.spent)).scalar_one() == 5 * 10**11
    assert booked == [True, False]


def test_the_same_id_of_another_tenant_is_another_cost() -> None:
    assert cost(usd=1, tenant="a").call.call_id != cost(usd=1, tenant="b").call.call_id


@pytest.mark.parametrize(
    "given, field",
    [
        ({"usd": 1, "id": ""}, "id"),
        ({"usd": 1, "kind": "call"}, "kind"),
        ({"model": "gpt-4o"}, "usd"),
        ({"input_tokens": 5, "output_tokens": 5, "usd": None, "model": "gpt-4o", "correct": 3}, "correct"),
        ({"latency_s": 1}, "usd"),
        ({"usd": 1, "tenant": " "}, "tenant"),
    ],
)
def test_a_wrong_cost_names_its_field(given: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as refused:
        cost(**given)
    assert refused.value.field == field
