"""A stage takes a stable share of sessions, and the next stage keeps what the last one had."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import InputError
from router.requests import Request
from router.rollout.stages import STAGES, Trial, next_stage, place, read_share


def asked(session: str | None = None, tenant: str = "acme", user: str | None = None, text: str = "Hi") -> Request:
    return Request.from_mapping({"prompt": text, "tenant": tenant, "session": session, "user": user})


def test_all_requests_of_a_session_are_decided_by_one_policy() -> None:
    assert place(asked("s", text="one"), "v") == place(asked("s", text="two", user="bob"), "v")


def test_a_session_is_one_tenants() -> None:
    assert place(asked("bc", "a"), "v") != place(asked("c", "ab"), "v")


def test_without_a_session_the_user_counts_then_the_text() -> None:
    assert place(asked(user="bob", text="one"), "v") == place(asked(user="bob", text="two"), "v")
    assert place(asked(text="one"), "v") != place(asked(text="two"), "v")


@given(st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=20))
def test_a_larger_stage_keeps_what_a_smaller_one_took(session: str) -> None:
    here = place(asked(session), "v")
    taken = [here < share for share in STAGES]
    assert taken == sorted(taken) and taken[-1]


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_a_stage_takes_its_share(share: float) -> None:
    places = [place(asked(f"session {i}"), "v") for i in range(20_000)]
    assert sum(one < share for one in places) / 20_000 == pytest.approx(share, abs=4 * (share / 20_000) ** 0.5)


def test_candidates_meet_other_sessions_first() -> None:
    first, second = ({i for i in range(2000) if place(asked(f"{i}"), salt) < 0.1} for salt in ("v", "w"))
    assert len(first & second) < 60


def test_a_share_of_nothing_only_watches(tiny_policy) -> None:
    assert not Trial(tiny_policy, 0.0).takes(asked("s")) and Trial(tiny_policy, 1.0).takes(asked("s"))


def test_stages_follow_each_other() -> None:
    assert [next_stage(share) for share in (0.0, 0.01, 0.1, 0.3, 0.5, 1.0)] == [0.01, 0.1, 0.5, 0.5, 1.0, 1.0]


@pytest.mark.parametrize("value", [True, "all", -0.1, 1.1, None])
def test_anything_else_is_no_share(value: object) -> None:
    with pytest.raises(InputError):
        read_share(value)
