from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.economics.commercial import (
    Allocation,
    Commitment,
    RateLimit,
    Tenant,
    customary_discount,
    head_room,
    reserved_break_even,
    task_budget,
)
from router.errors import InputError

D = Decimal
AMOUNTS = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=6)


@given(AMOUNTS, st.decimals(0, 1, places=2))
def test_the_whole_bill_is_allocated(amounts, weight):
    tenants = tuple(
        Tenant(name=str(i), tokens=D(tokens), peak_tokens_per_second=D(peak))
        for i, (tokens, peak) in enumerate(amounts)
    )
    split = Allocation(usd=D(1000), tenants=tenants, token_weight=weight, peak_weight=1 - weight).usd_by_tenant()
    assert sum(split.values()) == pytest.approx(D(1000), rel=D("1e-20"))


def test_who_forces_the_peak_pays_for_it():
    tenants = (
        Tenant(name="steady", tokens=D(80), peak_tokens_per_second=D(20)),
        Tenant(name="bursty", tokens=D(20), peak_tokens_per_second=D(80)),
    )
    assert Allocation(usd=D(100), tenants=tenants).usd_by_tenant() == {"steady": 62, "bursty": 38}


@pytest.mark.parametrize(("usd", "low"), [(49_999, "0"), (50_000, "0.15"), (250_000, "0.30"), (1_000_000, "0.50")])
def test_discounts_begin_at_their_spend(usd, low):
    assert customary_discount(D(usd))[0] == D(low)


def test_the_tightest_cap_binds():
    room = head_room(
        RateLimit(
            requests_per_minute_cap=500,
            tokens_per_minute_cap=30_000,
            peak_requests_per_minute=D(10),
            tokens_per_request=D(1500),
        )
    )
    assert (room.binding, room.most_requests_per_minute, room.head_room) == ("tokens per minute", 20, 2)
    with pytest.raises(InputError, match="no cap"):
        head_room(RateLimit(peak_requests_per_minute=D(1), tokens_per_request=D(1)))


def test_commitments_are_paid_for_their_part_and_reservations_by_their_ratio():
    assert Commitment(on_demand_usd_per_month=D(100), discount=D("0.3"), committed_share=D("0.5")).usd_per_month() == 85
    assert reserved_break_even(D(60), D(100)) == D("0.6")


def test_a_contract_bears_its_share_per_call():
    assert task_budget(D(3650), D("0.10"), D(10)).usd_per_call == D("0.1")
