"""Advice is worth what it says, and is not given where it costs."""

from datetime import UTC, datetime

import pytest

from router.spend.prefix_advice import PrefixPrices, PrefixSums, advise, prefix_prices

CLAUDE = PrefixPrices(3e-6, 0.3e-6, 3.75e-6, 6e-6)
MILLION = 1_000_000


def advice(prices: PrefixPrices = CLAUDE, **sums: PrefixSums) -> dict[str, float]:
    return {one.what.split(",")[0].split(":")[0]: one.usd for one in advise("acme", "m", sums, prices).advice}


def test_a_timestamp_in_the_prefix_costs_the_discount_of_what_it_spoils() -> None:
    spoilt = PrefixSums(10, 2 * MILLION, 0, 0, reusable=MILLION)
    assert advice(PrefixPrices(3e-6, 0.3e-6), volatile=spoilt) == {"move the timestamp": pytest.approx(2.7)}


def test_the_hour_pays_where_pauses_are_long_and_writes_are_few() -> None:
    expired = PrefixSums(9, MILLION, 0, MILLION, reusable=MILLION)
    assert advice(expired=expired)["use the 1-hour cache"] == pytest.approx(3.45)
    often = PrefixSums(90, 9 * MILLION, 8 * MILLION, 8 * MILLION, reusable=8 * MILLION)
    assert "use the 1-hour cache" not in advice(expired=expired, kept=often)


def test_writing_what_nobody_reads_is_advised_against() -> None:
    assert advice(first=PrefixSums(5, MILLION, 0, MILLION)) == {
        "stop writing to the cache": pytest.approx(0.75),
    }
    assert advice(kept=PrefixSums(5, 2 * MILLION, MILLION, MILLION, MILLION)) == {}


def test_the_hit_rate_is_over_all_turns_and_causes_are_kept_apart() -> None:
    report = advise("a", "m", {"kept": PrefixSums(2, 100, 60), "first": PrefixSums(1, 100)}, CLAUDE)
    assert (report.hit_rate, list(report.causes)) == (0.3, ["first", "kept"])
    assert advise("a", "m", {}, CLAUDE).hit_rate == 0.0


def test_prices_are_the_librarys() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    assert vars(prefix_prices("claude-sonnet-4-5", at)) == pytest.approx(vars(CLAUDE))
    assert prefix_prices("nobody-knows-it", at) == PrefixPrices(0.0, 0.0)
