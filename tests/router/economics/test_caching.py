from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.economics.caching import CachedPrompt, best_ttl, break_even_reads, cache_saving, expected_writes
from router.economics.meters import Meters, Quote
from router.errors import InputError

D = Decimal
CLAUDE = Quote("a", "m", "s", None, Meters(D(3), D(15), D("0.30"), D("3.75"), D(6)))
GEMINI = Quote(
    "g",
    "m",
    "s",
    None,
    Meters(D("1.25"), D(5), D("0.31"), usd_per_million_cached_tokens_hour=D("4.50")),
    min_cache_prefix_tokens=32_000,
)


def test_break_even_is_where_the_bills_meet():
    reads = break_even_reads(CLAUDE)
    prompt = CachedPrompt(prefix_tokens=10_000, calls_per_day=1000, reads_per_write=reads)
    saving = cache_saving(CLAUDE, prompt)
    assert abs(saving.saved_usd_per_day) < D("1e-20")
    more = prompt.model_copy(update={"reads_per_write": reads + 1})
    assert cache_saving(CLAUDE, more).saved_usd_per_day > 0


def test_storage_raises_the_break_even_with_every_hour():
    assert break_even_reads(GEMINI) == 0  # a write costs no more than an input
    assert break_even_reads(GEMINI, held_hours=D(1)).quantize(D("0.01")) == D("4.79")
    assert break_even_reads(GEMINI, held_hours=D(24)) == 24 * break_even_reads(GEMINI, held_hours=D(1))


@given(st.integers(1, 10**6), st.integers(1, 10**5), st.integers(0, 1000), st.sampled_from(["5m", "1h"]))
def test_with_and_without_are_the_sums_of_their_calls(calls, prefix, fresh, ttl):
    prompt = CachedPrompt(
        prefix_tokens=prefix, fresh_input_tokens=fresh, calls_per_day=calls, ttl=ttl, writes_per_day=D(1)
    )
    saving = cache_saving(CLAUDE, prompt)
    assert saving.usd_per_day_without == calls * (D(prefix) + fresh) * 3 / 10**6
    expected = saving.usd_per_write_call + (calls - 1) * saving.usd_per_read_call
    assert saving.usd_per_day_with == pytest.approx(expected, rel=D("1e-20"))


def test_steady_use_keeps_a_cache_and_rare_use_never_finds_it():
    assert expected_writes(D(100_000), 300, "random") == 1
    assert expected_writes(D(288), 300, "even") == 288
    assert expected_writes(D(289), 300, "even") == 1
    assert expected_writes(D(10), 300, "random") == pytest.approx(D(10) * D("0.966"), rel=D("0.001"))


@pytest.mark.parametrize(("calls", "best"), [(1, "5m"), (2, "1h"), (12, "1h"), (13, "5m")])
def test_the_longer_ttl_pays_between_the_gaps(calls, best):
    assert best_ttl(CLAUDE, 50_000, D(calls), "even").best == best


def test_a_prefix_below_the_minimum_is_refused():
    with pytest.raises(InputError, match="32000"):
        cache_saving(GEMINI, CachedPrompt(prefix_tokens=31_999, calls_per_day=10))


def test_a_model_without_a_cache_is_refused():
    with pytest.raises(InputError, match="no prompt cache"):
        break_even_reads(Quote("p", "m", "s", None, Meters(D(1), D(1))))
