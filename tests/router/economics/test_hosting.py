from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.economics.hosting import Machine, RentMix, RentShare, break_even, machine_cost, usd_per_request

D = Decimal
NODE = Machine(usd_per_hour=D(20), output_tokens_per_second=D(3000), input_tokens_per_second=D(15_000))


def test_the_price_of_a_token_by_hand():
    assert machine_cost(NODE).usd_per_million_output_tokens.quantize(D("0.0001")) == D("1.8519")


@given(st.decimals("0.01", 1, places=2))
def test_idle_hours_are_paid_by_the_busy_ones(utilisation):
    busy, idle = machine_cost(NODE), machine_cost(NODE.model_copy(update={"utilisation": utilisation}))
    paid = idle.usd_per_million_output_tokens * utilisation
    assert paid == pytest.approx(busy.usd_per_million_output_tokens, rel=D("1e-20"))


def test_multipliers_stack_and_derating_divides():
    tuned = NODE.model_copy(update={"multipliers": {"a": D(2), "b": D("1.5")}, "benchmark_derating": D(3)})
    assert tuned.effective(D(100)) == 100


def test_concurrent_phases_pay_the_hour_once():
    once = usd_per_request(NODE, 1500, 300, concurrent_phases=True)
    assert 2 * once == pytest.approx(usd_per_request(NODE, 1500, 300, concurrent_phases=False), rel=D("1e-20"))
    assert once == pytest.approx(D(20) / 3600 / 10, rel=D("1e-20"))


def test_break_even_costs_the_same_either_way():
    even = break_even(D(158_264), D("10.2"), D(10) ** 11)
    assert even.tokens_per_year * D("10.2") / 10**6 == pytest.approx(D(158_264), rel=D("1e-20"))
    assert even.reachable
    assert not break_even(D(158_264), D("10.2"), D(10) ** 10).reachable


def test_spot_hours_that_are_evicted_are_paid_twice():
    parts = (
        RentShare(name="reserved", share=D("0.5"), discount=D("0.4")),
        RentShare(name="spot", share=D("0.5"), discount=D("0.7"), evicted_share=D("0.1")),
    )
    assert RentMix(on_demand_usd_per_hour=D(20), parts=parts).usd_per_hour() == 6 + D("3.3")
