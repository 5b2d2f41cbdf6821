from decimal import Decimal

import pytest

from router.economics.plan import Figure, Plan, exact, money, plain, share, shown


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        ("0", "$0.00"),
        ("0.0002025", "$0.000203"),
        ("0.009", "$0.009"),
        ("0.27", "$0.27"),
        ("1.005", "$1.00"),
        ("9999.5", "$9,999.50"),
        ("15600", "$15,600"),
        ("-0.5", "−$0.50"),
    ],
)
def test_money_is_read_by_its_size(usd, text):
    assert money(Decimal(usd)) == text


def test_large_numbers_are_named_and_small_ones_keep_their_digits():
    assert plain(Decimal(369_818_182)) == "369.8 million"
    assert plain(Decimal("0.00065077")) == "0.0006508"
    assert plain(19) == "19"
    assert shown(1_000_000, "tokens") == "1 million tokens"
    assert share(Decimal("-0.0765")) == "−7.6 %" or share(Decimal("-0.0765")) == "−7.7 %"


def test_json_keeps_every_digit():
    plan = Plan("x", "t", "a", (Figure("f", Decimal("0.1000000000000000000001"), "USD"),))
    assert plan.to_json()["figures"][0]["value"] == "0.1000000000000000000001"
    assert exact(Decimal("1E+3")) == "1000"
    assert exact(Decimal("5.400")) == "5.4"


@pytest.mark.parametrize("tiny", [Decimal("5E-324"), Decimal("1E-400"), Decimal("-3E-40")])
def test_a_number_too_small_for_a_float_is_still_shown(tiny: Decimal) -> None:
    assert "E-" in money(tiny) and len(money(tiny)) < 20
    assert len(plain(tiny)) < 20
