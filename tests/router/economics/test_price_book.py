from datetime import UTC, datetime
from decimal import Decimal

import pytest

from router.economics.meters import Call, bill
from router.economics.price_book import best_quote, disagreements, library_quote, offers, quotes
from router.errors import InputError, UnknownModelError

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)
D = Decimal


@pytest.mark.parametrize("name", offers())
def test_every_offer_of_the_guide_is_found(name):
    assert best_quote(name, AT).meters.known()
    assert best_quote(name, AT, "guide").source.startswith("guide: ")


def test_the_library_comes_first_and_the_guide_is_kept_apart():
    found = quotes("openai/gpt-5", AT)
    assert found[0].source.startswith("genai-prices")
    assert {one.meters.usd_per_million_output_tokens for one in found[1:]} == {D(20), D(15)}


def test_what_the_library_cannot_say_is_completed_from_our_file():
    quote = best_quote("gemini-2.5-pro", AT)
    assert quote.meters.usd_per_million_cached_tokens_hour == D("4.50")
    assert quote.batch_discount == D("0.5")
    assert quote.source.endswith("completed by guide: tear-down")


def test_a_token_price_is_never_borrowed_from_another_source():
    """Gemini 2.5 Flash has other base prices in the library: the guide's cached price would not fit them."""
    quote, library = best_quote("gemini-2.5-flash", AT), library_quote("google/gemini-2.5-flash", AT)
    assert library is not None
    assert quote.meters.usd_per_million_cached_input_tokens == library.meters.usd_per_million_cached_input_tokens


def test_the_librarys_tiers_and_hours_are_kept():
    gemini, deepseek = best_quote("gemini-2.5-pro", AT), best_quote("deepseek/deepseek-r1", AT)
    assert bill(gemini, Call(input_tokens=200_001)).usd > 2 * bill(gemini, Call(input_tokens=100_000)).usd
    call = Call(input_tokens=1000, output_tokens=1000)
    assert bill(deepseek, call, AT.replace(hour=18)).usd < bill(deepseek, call, AT).usd


def test_disagreements_keep_both_sides():
    found = {(one.model, one.meter): {s: (low, high) for s, low, high in one.usd} for one in disagreements(AT)}
    gpt5 = found["openai/gpt-5", "usd_per_million_output_tokens"]
    assert gpt5["guide: tear-down"] == (20, 20)
    assert gpt5["guide: every model, every tier"] == (15, 15)
    assert gpt5["guide: hosted prices at a glance"] == (20, 60)
    assert any(source.startswith("genai-prices") for source in gpt5)
    assert ("openai/gpt-4o", "usd_per_million_cached_input_tokens") in found  # the guide disagrees with itself


def test_agreeing_sources_are_no_disagreement():
    names = {one.model for one in disagreements(AT)}
    assert "anthropic/claude-sonnet-4-6" not in names


def test_a_model_that_is_not_priced_yet_says_from_when_it_is():
    with pytest.raises(InputError, match="from 2026-06-01 on") as caught:
        quotes("google/veo-3", datetime(2026, 1, 1, tzinfo=UTC))
    assert caught.value.field == "at"


def test_an_unknown_model_names_its_neighbours():
    with pytest.raises(UnknownModelError, match=r"llama-3\.3-70b"):
        best_quote("llama-3.3-70bb-turbo-x", AT)
