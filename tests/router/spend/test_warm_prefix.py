"""What providers read of an unchanged beginning is learnt from reports, from what they document on."""

from hypothesis import given
from hypothesis import strategies as st

from router.spend.warm_prefix import DOCUMENTED, ReadShares


def test_caches_that_work_by_themselves_are_believed_in_before_any_report() -> None:
    shares = ReadShares()
    assert shares.expect("t", "openai", "kept") == DOCUMENTED["kept"] > shares.expect("t", "openai", "expired") > 0
    assert shares.expect("t", "openai", "lapsed") == shares.expect("t", "anthropic", "kept") == 0.0


def test_reports_move_the_belief_of_their_tenant_provider_and_pause_only() -> None:
    shares = ReadShares()
    for _ in range(50):
        shares.learn("t", "anthropic", "kept", 1.0)
        shares.learn("t", "openai", "kept", 0.0)
    assert shares.expect("t", "anthropic", "kept") > 0.9 and shares.expect("t", "openai", "kept") < 0.1
    assert shares.expect("other", "anthropic", "kept") == shares.expect("t", "anthropic", "lapsed") == 0.0


@given(st.lists(st.floats(-1, 3), max_size=20))
def test_whatever_is_reported_a_share_is_a_share(reads) -> None:
    shares = ReadShares()
    for read in reads:
        shares.learn("t", "openai", "expired", read)
    assert 0.0 <= shares.expect("t", "openai", "expired") <= 1.0
