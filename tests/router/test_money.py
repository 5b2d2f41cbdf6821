"""Money is exact, or refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import InputError
from router.money import MOST_USD, to_pico, to_usd, usd_text


@given(st.decimals(min_value=0, max_value=MOST_USD, places=12))
def test_twelve_places_are_exact_there_and_back(usd: Decimal) -> None:
    assert to_usd(to_pico(usd)) == usd
    assert Decimal(usd_text(to_pico(usd))) == usd


@pytest.mark.parametrize("usd, pico", [("0.0000000000005", 0), ("0.0000000000015", 2), (0.1, 10**11), (3, 3 * 10**12)])
def test_what_has_more_digits_is_rounded_once_half_to_even(usd: object, pico: int) -> None:
    assert to_pico(usd) == pico  # type: ignore[arg-type]


def test_a_token_at_a_millionths_price_is_a_whole_number() -> None:
    assert to_pico(Decimal("0.075") / 1_000_000) == 75_000


@pytest.mark.parametrize("usd", ["9000001", "NaN", "Infinity", "-9000001"])
def test_what_sixty_four_bits_cannot_hold_is_refused(usd: str) -> None:
    with pytest.raises(InputError, match="9000000 USD"):
        to_pico(usd)


def test_text_is_a_plain_number() -> None:
    assert [usd_text(pico) for pico in (0, 1, 10**13, -5 * 10**11)] == ["0", "0.000000000001", "10", "-0.5"]


def test_an_amount_does_not_depend_on_what_was_asked_before() -> None:
    written = 1234567.891
    exact = Decimal.from_float(written)  # equal to Python, and not the same amount
    first, other, again = to_pico(written), to_pico(exact), to_pico(written)
    assert first == again == 1234567891 * 10**9 and other == 1234567891000000061
