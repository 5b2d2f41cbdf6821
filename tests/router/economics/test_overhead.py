from decimal import Decimal

import pytest

from router.economics.overhead import Overhead, egress_usd, fallback_cost, inertia_premium, overhead_usd_per_year

D = Decimal


def test_what_is_not_given_costs_nothing():
    assert set(overhead_usd_per_year(Overhead(inference_usd_per_year=D(100))).values()) == {D(0)}


def test_each_line_follows_its_own_volume():
    lines = overhead_usd_per_year(
        Overhead(
            inference_usd_per_year=D(1000),
            calls_per_day=1000,
            bytes_out_per_call=10**6,
            usd_per_gigabyte_egress=D("0.1"),
            logged_share=D("0.5"),
            usd_per_logged_call=D("0.001"),
            logged_bytes_per_call=10**6,
            usd_per_gigabyte_logged=D(1),
            retry_overhead=D("0.02"),
        )
    )
    assert lines["egress"] == D("36.5")
    assert lines["observability"] == 365 * 500 * (D("0.001") + D("0.001"))
    assert lines["retries"] == 20


def test_gigabytes_are_decimal():
    assert egress_usd(D(1), 10**9, D("0.09")) == D("0.09")


def test_staying_costs_more_than_the_competitor_dropped():
    assert inertia_premium(D("0.5")) == 1


def test_two_providers_answer_more_and_cost_a_little_more():
    paid, answered = fallback_cost(D("0.99"), D("0.9"))
    assert (paid, answered) == (D("1.01"), D("0.999"))


@pytest.mark.parametrize("share", ["0", "1"])
def test_sampling_scales_the_logging_only(share):
    given = Overhead(inference_usd_per_year=D(0), calls_per_day=10, logged_share=D(share), usd_per_logged_call=D(1))
    assert overhead_usd_per_year(given)["observability"] == 3650 * D(share)
