from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import UnknownModelError
from router.prices import Price, PriceBook, Usage, library_price
from router.routes import Route

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
TOKENS = st.integers(0, 400_000)
PRICED = ["gpt-4o|none", "gemini-2.5-pro|low", "claude-sonnet-4-5|high", "deepseek-r1|default", "own|none"]
BOOK = PriceBook(
    {
        Route("own", "none"): Price(
            "routes file",
            usd_per_query=Decimal("0.001"),
            usd_per_million_input_tokens=Decimal("0.3"),
            usd_per_million_output_tokens=Decimal("1.2"),
        )
    }
)


def test_the_library_prices_exactly():
    usage = Usage(input_tokens=1500, output_tokens=300)
    assert BOOK.usd(Route("gpt-4o", "none"), usage, AT) == Decimal("0.00675")


def test_reasoning_is_output():
    plain, thinking = Usage(output_tokens=300), Usage(output_tokens=300, reasoning_tokens=250)
    route = Route("gpt-4o", "none")
    assert BOOK.usd(route, plain, AT) == BOOK.usd(route, thinking, AT)


def test_cached_input_is_cheaper():
    route = Route("gpt-4o", "none")
    assert BOOK.usd(route, Usage(1000, 0, 1000), AT) == BOOK.usd(route, Usage(1000, 0), AT) / 2


def test_a_price_of_the_hour_applies_at_that_hour():
    night, noon = AT.replace(hour=18), AT
    usage, route = Usage(1_000_000, 0), Route("deepseek-r1", "default")
    assert BOOK.usd(route, usage, night) < BOOK.usd(route, usage, noon)


@given(st.sampled_from(PRICED), TOKENS, TOKENS)
def test_rates_are_the_exact_price_in_floats(key, tokens_in, tokens_out):
    route = Route.parse(key)
    exact = float(BOOK.usd(route, Usage(tokens_in, tokens_out), AT))
    rated = BOOK.rates(route, AT).usd(np.array([float(tokens_in)]), np.array([float(tokens_out)]))[0]
    assert rated == pytest.approx(exact, rel=1e-12, abs=1e-15)


@given(TOKENS, TOKENS)
def test_two_calls_cost_the_sum(tokens_in, tokens_out):
    route = Route("own", "none")
    one = BOOK.usd(route, Usage(tokens_in, tokens_out), AT)
    assert one + one - Decimal("0.001") == BOOK.usd(route, Usage(2 * tokens_in, 2 * tokens_out), AT)


def test_an_unknown_model_names_its_neighbours():
    with pytest.raises(UnknownModelError, match="gpt-4o-mini") as caught:
        library_price("gpt-4o-mimi", AT)
    assert "gpt-4o-mini" in caught.value.nearest


@pytest.mark.parametrize("start", [200_000, 200_001])
def test_the_long_context_tier_begins_above_its_start(start):
    route = Route("gemini-2.5-pro", "low")
    exact = float(BOOK.usd(route, Usage(start, 10), AT))
    assert BOOK.rates(route, AT).usd(np.array([float(start)]), np.array([10.0]))[0] == pytest.approx(exact, rel=1e-12)
