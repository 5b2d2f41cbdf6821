"""Shared capacity is split whole, and a bursty tenant pays for its bursts."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from router.money import to_pico
from router.spend.allocation import allocate

HOURS = {"steady": {str(hour): 100 for hour in range(40)}, "bursty": {"7": 4000}}


def test_the_peak_share_makes_bursts_dearer() -> None:
    """Equal tokens; two peak hours of forty, of which the bursty one has almost all."""
    parts = {part.name: part for part in allocate({}, HOURS, Decimal(100))}
    assert parts["bursty"].token_share == 0.5
    assert parts["bursty"].peak_share == 4000 / 4200
    assert parts["bursty"].capacity > to_pico("63")


@given(
    st.dictionaries(
        st.sampled_from("abcd"), st.dictionaries(st.sampled_from("1234"), st.integers(0, 10**9)), min_size=1
    ),
    st.decimals(0, 1000, places=6),
    st.decimals(0, 1, places=2),
)
def test_no_picodollar_of_the_capacity_is_lost(
    hours: dict[str, dict[str, int]], shared: Decimal, share: Decimal
) -> None:
    parts = allocate({"a": 5}, hours, shared, share)
    assert sum(part.capacity for part in parts) == to_pico(shared)
    assert min(part.capacity for part in parts) >= 0


def test_the_markup_is_on_calls_and_capacity() -> None:
    [part] = allocate({"a": to_pico(10)}, {"a": {"1": 1}}, Decimal(5), markup=Decimal("1.2"))
    assert (part.showback, part.chargeback) == (to_pico(15), to_pico(18))
