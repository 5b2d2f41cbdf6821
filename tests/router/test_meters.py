"""What a call is metered by reaches the price, at the price of its moment."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from router.meters import Meters
from router.prices import PriceBook, Usage
from router.routes import Route

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
MILLION = 1_000_000


def usd(model: str, given: int, made: int = 0, cached: int = 0, at: datetime = AT, **meters: object) -> Decimal:
    return PriceBook().usd(Route(model, "none"), Usage(given, made, cached, 0, Meters(**meters)), at)  # type: ignore[arg-type]


def test_reads_and_both_kinds_of_writes_have_prices_of_their_own() -> None:
    model, few = "claude-sonnet-4-5", 100_000
    assert usd(model, few) == Decimal("0.3")
    assert usd(model, few, cached=few) == Decimal("0.03")
    assert usd(model, few, cache_write_tokens=few) == Decimal("0.375")
    assert usd(model, few, cache_write_1h_tokens=few) == Decimal("0.6")


def test_a_long_context_costs_its_tier() -> None:
    assert usd("claude-sonnet-4-5", 300_000) == Decimal("1.8")


@pytest.mark.parametrize("tier, factor", [("default", 1), ("batch", "0.5"), ("flex", "0.5"), ("priority", 2)])
def test_a_service_tier_changes_the_list_price(tier: str, factor: object) -> None:
    assert usd("gpt-4o", MILLION, service_tier=tier) == Decimal("2.5") * Decimal(factor)  # type: ignore[arg-type]


def test_a_tier_that_nobody_discounts_costs_the_list_price() -> None:
    assert usd("deepseek-chat", MILLION, service_tier="batch") == usd("deepseek-chat", MILLION)


def test_off_peak_hours_are_cheaper() -> None:
    day, night = (usd("deepseek-chat", MILLION, at=AT.replace(hour=hour)) for hour in (12, 20))
    assert night == day / 2


def test_kept_caches_pay_storage() -> None:
    assert usd("gemini-2.5-pro", 0, storage_token_hours=2e6) == 9


def test_searches_are_paid_by_the_piece() -> None:
    assert usd("gpt-5", 0, web_searches=100) == 1
