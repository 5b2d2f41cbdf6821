from datetime import UTC, datetime
from decimal import Decimal

from router.economics.library_form import quoted_price
from router.prices import PriceBook, Usage, find_model
from router.routes import Route

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)
ROUTE = Route("deepinfra/llama-3.3-70b", "default")


def test_a_route_that_only_our_file_prices_is_billed_exactly():
    book = PriceBook()
    assert find_model(ROUTE.model) is None
    assert book.usd(ROUTE, Usage(1500, 300), AT) == Decimal("0.000645")
    assert book.source(ROUTE) == "quoted prices"


def test_the_same_price_is_the_same_object():
    """The book keeps rates by identity."""
    assert quoted_price(ROUTE.model, AT) is quoted_price(ROUTE.model, AT.replace(hour=13))


def test_off_peak_is_billed_at_its_hours():
    route, book = Route("deepseek/deepseek-v3.5", "default"), PriceBook()
    day, night = (book.usd(route, Usage(10**6, 0), AT.replace(hour=hour)) for hour in (12, 18))
    assert (day, night) == (Decimal("0.27"), Decimal("0.135"))


def test_a_range_prices_nothing():
    assert quoted_price("any-host/qwen-3", AT) is None
