import tomllib
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from router.economics import price_file
from router.economics.price_file import FILE, all_quotes, find_quotes, guide_name, table_quote


def test_the_first_table_comes_first():
    assert [one.source for one in find_quotes("openai/o3")] == [
        "guide: tear-down",
        "guide: every model, every tier",
        "guide: hosted prices at a glance",
    ]


def test_a_quote_holds_from_its_day_on():
    assert not find_quotes("openai/gpt-5", date(2026, 5, 31))
    assert find_quotes("openai/gpt-5", date(2026, 6, 1))


def test_a_later_table_wins_from_its_day_on_and_not_before(monkeypatch):
    old = find_quotes("openai/gpt-5")[0]
    new = replace(old, since=date(2026, 9, 1), source="guide: later")
    monkeypatch.setattr(price_file, "all_quotes", lambda: (old, new))
    assert find_quotes("gpt-5", date(2026, 8, 31)) == [old]
    assert find_quotes("gpt-5", date(2026, 9, 1)) == [new, old]


def test_a_bare_name_finds_every_host():
    hosts = {one.provider for one in find_quotes("llama-3.3-70b")}
    assert {"together", "fireworks", "deepinfra", "aws", "groq", "cerebras"} <= hosts


def test_a_range_keeps_both_ends():
    quote = table_quote("any-host/qwen-3", "hosted prices at a glance")
    assert quote.high is not None
    assert (quote.meters.usd_per_million_input_tokens, quote.high.usd_per_million_input_tokens) == (
        Decimal("0.30"),
        Decimal("1.00"),
    )


def test_prices_are_the_decimals_that_were_written():
    quote = table_quote("openai/gpt-4o-mini", "tear-down")
    assert str(quote.meters.usd_per_million_cached_input_tokens) == "0.075"


def test_a_table_quotes_an_offer_once_and_every_quote_is_dated():
    names = [(one.source, one.name) for one in all_quotes()]
    assert len(names) == len(set(names))
    assert all(one.since for one in all_quotes())


def test_every_meter_of_the_file_is_read():
    """A misspelt meter would be a price that is never billed."""
    tables = tomllib.loads(FILE.read_text(encoding="utf-8"))["tables"]
    facts = {"long", "long_above", "off_peak", "off_peak_utc", "context_tokens", "min_cache_prefix_tokens"}
    written = [len(set(meters) - facts) for table in tables for meters in table["quotes"].values()]
    assert written == [len(one.meters.known()) for one in all_quotes()]


def test_a_providers_batch_discount_is_for_text_only():
    discounts = {one.name: one.batch_discount for one in find_quotes("openai/gpt-4o")[:1] + find_quotes("google/veo-3")}
    assert discounts == {"openai/gpt-4o": Decimal("0.5"), "google/veo-3": None}


def test_an_unknown_table_is_an_error():
    with pytest.raises(KeyError):
        table_quote("openai/gpt-5", "no such table")
    assert "Prompt20" in guide_name()
