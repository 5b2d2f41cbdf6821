from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from router.economics.measured_ledger import ledger_numbers
from router.log.store import LogStore
from router.money import to_pico
from router.spend import ledger
from router.spend.budgets import Estimate
from router.spend.ledger import NewCall, Settlement
from router.spend.ownership import Owner

AT = datetime(2026, 3, 1, tzinfo=UTC)
TWO_DAYS = AT + timedelta(days=2)
Book = Callable[..., None]


@pytest.fixture
def book(store: LogStore) -> Book:
    """Books settled calls of one kind."""

    def write(kind: str, count: int, usd: str, tenant: str = "acme", model: str = "m") -> None:
        pico = to_pico(usd)
        for i in range(count):
            call_id = f"{tenant}-{model}-{kind}-{i}"
            made = NewCall(call_id, AT, Owner(tenant), model, "none", "economy", Estimate(pico, pico, pico), kind=kind)
            store.write(lambda c, made=made: ledger.add(c, made, Settlement(pico), ())).result(10)

    return write


def test_spend_by_day_and_what_was_caused(store: LogStore, book: Book) -> None:
    book("call", 10, "0.10")
    book("retry", 2, "0.05")
    book("escalation", 3, "0.30")
    book("cache", 10, "0")
    found = ledger_numbers(store, "acme", AT, TWO_DAYS)
    assert found["usd_per_day"].value == pytest.approx(Decimal(1), rel=Decimal("1e-20"))  # 2 USD over two days
    assert found["usd_per_year"].value == 365 * found["usd_per_day"].value
    assert found["retry_rate"].value == Decimal("0.2")
    assert found["escalated_share"].value == Decimal("0.3")
    assert found["answer_cache_hit_rate"].value == Decimal("0.5")
    assert found["retry_overhead"].value == Decimal("0.1")


def test_only_the_tenants_own_calls_of_the_model_count(store: LogStore, book: Book) -> None:
    book("call", 4, "0.10")
    book("call", 6, "0.10", model="other")
    book("call", 9, "0.10", tenant="rival")
    assert ledger_numbers(store, "acme", AT, TWO_DAYS)["usd_per_day"].calls == 10
    assert ledger_numbers(store, "acme", AT, TWO_DAYS, "m")["usd_per_day"].calls == 4


def test_an_empty_ledger_tells_nothing(store: LogStore, book: Book) -> None:
    assert ledger_numbers(store, "acme", AT, TWO_DAYS) == {}
    book("call", 1, "0.10", tenant="rival")
    assert ledger_numbers(store, "acme", AT, TWO_DAYS) == {}


def test_a_moment_has_no_rate(store: LogStore, book: Book) -> None:
    book("call", 1, "0.10")
    assert "usd_per_day" not in ledger_numbers(store, "acme", AT, AT)
