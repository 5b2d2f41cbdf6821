from datetime import UTC, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.economics.meters import Call, Meters, Quote, bill
from router.errors import InputError

D = Decimal
PLAIN = Meters(D(3), D(15), D("0.30"), D("3.75"), D(6))
QUOTE = Quote("p", "m", "s", None, PLAIN, batch_discount=D("0.5"))
LONG = Quote("p", "m", "s", None, PLAIN, long_context_above_tokens=200_000, long_context=Meters(D(6), D("22.5")))
NIGHT = Quote("p", "m", "s", None, PLAIN, off_peak=Meters(D(1)), off_peak_utc=(time(16, 30), time(0, 30)))
TOKENS = st.integers(0, 10**7)


@given(TOKENS, TOKENS, TOKENS)
def test_thinking_is_billed_as_output(tokens_in, tokens_out, thinking):
    apart = Call(input_tokens=tokens_in, output_tokens=tokens_out, thinking_tokens=D(thinking))
    together = Call(input_tokens=tokens_in, output_tokens=tokens_out + thinking)
    assert bill(QUOTE, apart).usd == bill(QUOTE, together).usd


@given(TOKENS, TOKENS)
def test_the_bill_is_the_sum_of_its_parts_to_the_last_digit(tokens_in, tokens_out):
    found = bill(QUOTE, Call(input_tokens=tokens_in, output_tokens=tokens_out))
    assert found.usd == sum(found.parts.values(), D(0)) == (3 * D(tokens_in) + 15 * D(tokens_out)) / 10**6


@given(TOKENS, TOKENS)
def test_a_batch_costs_its_share(tokens_in, tokens_out):
    call = Call(input_tokens=tokens_in, output_tokens=tokens_out)
    assert 2 * bill(QUOTE, call, batch=True).usd == bill(QUOTE, call).usd


def test_cached_written_and_fresh_input_have_their_own_meters():
    call = Call(input_tokens=1000, cached_input_tokens=300, cache_write_tokens=200, cache_write_1h_tokens=100)
    assert bill(QUOTE, call).usd * 10**6 == 400 * D(3) + 300 * D("0.30") + 200 * D("3.75") + 100 * D(6)


@pytest.mark.parametrize(("tokens", "usd"), [(200_000, "0.6"), (200_001, "1.200006")])
def test_the_long_price_holds_for_the_whole_call(tokens, usd):
    assert bill(LONG, Call(input_tokens=tokens)).usd == D(usd)


@pytest.mark.parametrize(("hour", "minute", "usd"), [(16, 29, 3), (16, 30, 1), (0, 29, 1), (0, 30, 3)])
def test_off_peak_hours_reach_over_midnight(hour, minute, usd):
    at = datetime(2026, 6, 15, hour, minute, tzinfo=UTC)
    assert bill(NIGHT, Call(input_tokens=10**6), at).usd == usd


def test_a_meter_that_is_not_there_is_not_free():
    with pytest.raises(InputError, match="no such meter") as caught:
        bill(QUOTE, Call(audio_input_tokens=10))
    assert caught.value.field == "audio_input"


def test_no_batch_price_is_refused():
    with pytest.raises(InputError, match="batch"):
        bill(LONG, Call(input_tokens=1), batch=True)
