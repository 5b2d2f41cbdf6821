from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.economics.product import Forecast, Product, forecast, product_cost, tornado
from router.errors import InputError

D = Decimal
CHAT = Product(
    messages_per_user_month=D(50),
    input_tokens=800,
    output_tokens=300,
    usd_per_million_input_tokens=D(3),
    usd_per_million_output_tokens=D(15),
    usd_per_million_cached_input_tokens=D("0.30"),
    price_usd_per_user_month=D("9.99"),
    users=D(1000),
)


def test_a_user_costs_messages_times_tokens_times_price():
    assert product_cost(CHAT).usd_per_user_month == D("0.345")
    assert product_cost(CHAT).usd_per_month == 345


@given(st.decimals("0.01", 1, places=2), st.decimals(0, 1, places=2))
def test_free_users_are_paid_by_the_paying_ones(paid, usage):
    cost = product_cost(CHAT.model_copy(update={"paid_share": paid, "free_usage_share": usage}))
    everyone = 1000 * (paid + (1 - paid) * usage) * D("0.345")
    assert cost.usd_per_month == pytest.approx(everyone, rel=D("1e-20"))


@given(st.decimals(0, 1, places=3))
def test_caching_saves_input_only(share):
    cost = product_cost(CHAT.model_copy(update={"cached_input_share": share}))
    assert 50 * 300 * D(15) / 10**6 <= cost.usd_per_user_month <= D("0.345")


def test_the_tornado_is_sorted_by_how_far_an_input_moves_it():
    factors = {"input_tokens": (D("0.5"), D(2)), "messages_per_user_month": (D("0.5"), D(2))}
    swings = tornado(CHAT, factors)
    assert [one.name for one in swings] == ["messages_per_user_month", "input_tokens"]
    assert (swings[0].low_usd, swings[0].high_usd) == (D("0.1725"), D("0.69"))


def test_a_swing_into_the_impossible_is_refused():
    with pytest.raises(InputError) as caught:
        tornado(CHAT.model_copy(update={"paid_share": D("0.8")}), {"paid_share": (D(1), D(2))})
    assert caught.value.field == "paid_share"


def test_growth_and_decline_compound_and_reserves_do_not():
    months = forecast(Forecast(usd_per_month=D(100), monthly_growth=D("0.1"), yearly_price_decline=D("0.5")))
    assert months[0].traffic == D("1.1")
    assert abs(months[-1].price_level - D("0.5")) < D("1e-20")
    assert months[-1].usd_with_reserves == months[-1].usd * D("1.35")
