from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from router.economics.waiting import Waiting, waiting_saving

SHARES = st.decimals(0, 1, places=4)


@given(SHARES, SHARES, SHARES)
def test_waiting_stacks_with_caching_by_multiplying(batch, discount, cached):
    plan = Waiting(usd_per_day=Decimal(1000), batch_share=batch, batch_discount=discount, cached_saved_share=cached)
    saving = waiting_saving(plan)
    assert saving.usd_per_day_waiting == 1000 * (1 - cached) * (1 - batch * discount)
    assert 0 <= saving.saved_share <= 1


def test_each_way_is_told_apart():
    plan = Waiting(usd_per_day=Decimal(100), batch_share=Decimal("0.3"), flex_share=Decimal("0.2"))
    assert waiting_saving(plan).saved_by == {"batch": 15, "flex": 10, "off-peak": 0}
