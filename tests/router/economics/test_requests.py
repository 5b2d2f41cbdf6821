from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.economics.meters import Call, Meters, Quote
from router.economics.requests import Request, Retries, Rounds, Thinking, failed_prefill_usd, request_cost
from router.errors import InputError

D = Decimal
QUOTE = Quote("p", "m", "s", None, Meters(D(3), D(15)))


def test_thinking_by_ratio_budget_and_number():
    assert Thinking(per_visible_token=D(10)).expected_tokens(150) == 1500
    assert Thinking(budget_tokens=8000).expected_tokens(150) == 6000
    assert Thinking(budget_tokens=8000).worst_tokens(150) == 8000
    assert Thinking(tokens=4500).expected_tokens(150) == 4500


def test_thinking_is_stated_one_way():
    with pytest.raises(InputError, match="several ways"):
        Request.read({"call": {}, "thinking": {"tokens": 1, "budget_tokens": 2}})


def test_a_history_that_is_resent_grows_with_every_round():
    assert Rounds(count=4, added_tokens_per_round=100).input_tokens(50) == [50, 150, 250, 350]


def test_compaction_bounds_every_round():
    rounds = Rounds(count=50, added_tokens_per_round=1000, compact_above_tokens=8000, summary_tokens=500)
    sent = rounds.input_tokens(1000)
    assert max(sent) <= 8000
    assert sum(sent) < sum(Rounds(count=50, added_tokens_per_round=1000).input_tokens(1000)) / 4


@given(st.decimals(0, 1, places=3), st.integers(0, 10))
def test_independent_failures_never_cost_more_than_persistent_ones(rate, most):
    chance = Retries(failure_rate=rate, most=most).paid_attempts()
    assert 1 <= chance <= Retries(failure_rate=rate, most=most, kind="persistent").paid_attempts() <= 1 + most


def test_the_cost_is_rounds_times_attempts():
    request = Request(
        call=Call(input_tokens=1000, output_tokens=100),
        rounds=Rounds(count=2, added_tokens_per_round=500),
        retries=Retries(failure_rate=D("0.1"), most=1),
    )
    cost = request_cost(QUOTE, request)
    assert cost.usd == (D(2500) * 3 + D(200) * 15) / 10**6 * D("1.1")
    assert cost.worst_usd == (D(2500) * 3 + D(200) * 15) / 10**6 * 2
    assert cost.input_tokens == 2500


def test_no_failures_mean_no_worst_case():
    cost = request_cost(QUOTE, Request(call=Call(input_tokens=1000, output_tokens=100)))
    assert cost.usd == cost.worst_usd


def test_a_failed_prompt_costs_its_input():
    assert failed_prefill_usd(QUOTE, 1_000_000).usd == 3
