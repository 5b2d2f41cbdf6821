from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.economics.mix import (
    CascadePlan,
    Classifier,
    Leg,
    Mix,
    accuracy_to_pay,
    arbitrage,
    mix_saving,
    wrong_answer_value,
)
from router.errors import InputError

D = Decimal
USD, SHARES = st.decimals("0.0001", 1, places=4), st.decimals(0, 1, places=3)


@given(USD, USD, USD, SHARES, USD)
def test_the_accuracy_that_pays_is_where_the_saving_crosses_zero(one, two, fee, easy, failure):
    cheap, dear = sorted((one, two))
    plan = Classifier(
        easy_share=easy,
        cheap_usd_per_call=cheap,
        dear_usd_per_call=dear,
        classifier_usd_per_call=fee,
        usd_per_failure=failure,
    )
    least = accuracy_to_pay(plan)
    if least is None:
        assert max(plan.saved_usd_per_call(D(0)), plan.saved_usd_per_call(D(1))) < 0
    elif least == 0:
        assert plan.saved_usd_per_call(D(0)) >= 0
    else:
        assert abs(plan.saved_usd_per_call(least)) < D("1e-18")
        assert plan.saved_usd_per_call(D(1)) >= 0


def test_no_accuracy_pays_for_a_classifier_dearer_than_what_it_saves():
    plan = Classifier(
        easy_share=D("0.5"), cheap_usd_per_call=D(1), dear_usd_per_call=D(2), classifier_usd_per_call=D("0.6")
    )
    assert accuracy_to_pay(plan) is None


def test_a_mix_of_one_leg_costs_what_the_leg_costs():
    mix = Mix(legs=(Leg(name="all", share=D(1), usd_per_call=D("0.003")),), baseline_usd_per_call=D("0.004"))
    assert mix_saving(mix).saved_share == D("0.25")


@given(USD, USD, SHARES)
def test_a_cascade_pays_up_to_its_break_even(one, two, escalated):
    cheap, dear = sorted((one, two))
    plan = CascadePlan(cheap_usd_per_call=cheap, dear_usd_per_call=dear, escalated_share=escalated)
    assert (plan.saved_share() > D("1e-20")) == (escalated < plan.most_escalated() - D("1e-20"))


def test_arbitrage_finds_the_cheapest_host_and_wants_the_current_one():
    hosts = [("a", D(2)), ("b", D(1))]
    assert (arbitrage("a", hosts).best, arbitrage("a", hosts).saved_share) == ("b", D("0.5"))
    with pytest.raises(InputError, match="not among"):
        arbitrage("c", hosts)


def test_a_wrong_answer_must_cost_the_difference_per_extra_correct_one():
    assert wrong_answer_value(D("0.0002"), D("0.70"), D("0.009"), D("0.95")) == D("0.0088") / D("0.25")
    assert wrong_answer_value(D(1), D("0.9"), D(2), D("0.9")) is None
