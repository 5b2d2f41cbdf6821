"""Token buckets."""

from hypothesis import given
from hypothesis import strategies as st

from router.access.rates import Rates


def test_a_second_of_requests_passes_at_once_and_then_one_by_one() -> None:
    rates = Rates()
    assert [rates.wait_seconds("k", 3.0, 0.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    wait = rates.wait_seconds("k", 3.0, 0.0)
    assert 0 < wait <= 1 / 3
    assert rates.wait_seconds("k", 3.0, wait + 1e-9) == 0.0


def test_keys_do_not_share_a_bucket() -> None:
    rates = Rates()
    assert rates.wait_seconds("a", 1.0, 0.0) == 0.0
    assert rates.wait_seconds("b", 1.0, 0.0) == 0.0
    assert rates.wait_seconds("a", 1.0, 0.0) > 0


@given(st.lists(st.floats(0, 5), min_size=1, max_size=60), st.floats(0.1, 20))
def test_never_more_pass_than_the_rate_allows(steps, rate) -> None:
    rates, now, passed = Rates(), 0.0, 0
    for step in steps:
        now += step
        passed += rates.wait_seconds("k", rate, now) == 0.0
    assert passed <= max(1.0, rate) + rate * now + 1e-6
