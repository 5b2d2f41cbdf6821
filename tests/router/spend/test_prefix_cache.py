"""Why a prompt's beginning can be reused, or not."""

from datetime import UTC, datetime, timedelta

import pytest

from router.requests import Message
from router.spend.prefix_cache import PrefixTracker, Turn

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SYSTEM, USER = Message("system", "You help. Today is 2026-03-01, 10:15."), Message("user", "Hello")
ANSWER = Message("assistant", "Hi")


def second(messages: list[Message], minutes: float = 1, model: str = "m", session: str = "s") -> Turn:
    tracker = PrefixTracker()
    turn, sent = tracker.observe("t", "s", "m", [SYSTEM, USER], AT)
    assert turn == Turn("first", 0.0)
    sent()
    return tracker.observe("t", session, model, messages, AT + timedelta(minutes=minutes))[0]


LONGER = [SYSTEM, USER, ANSWER, Message("user", "More")]


@pytest.mark.parametrize(
    "cause, given",
    [
        ("kept", {"messages": LONGER}),
        ("expired", {"messages": LONGER, "minutes": 6}),
        ("lapsed", {"messages": LONGER, "minutes": 61}),
        ("switched", {"messages": LONGER, "model": "other"}),
        ("first", {"messages": LONGER, "session": "another"}),
        ("volatile", {"messages": [Message("system", "You help. Today is 2026-03-02, 9:00."), *LONGER[1:]]}),
        ("changed", {"messages": [Message("system", "You mock. Today is 2026-03-01, 10:15."), *LONGER[1:]]}),
        ("changed", {"messages": [SYSTEM, Message("user", "Hello there"), *LONGER[2:]]}),
    ],
)
def test_each_reason_is_told_apart(cause: str, given: dict) -> None:
    assert second(**given).cause == cause


def test_the_share_is_what_could_have_been_read() -> None:
    kept, volatile = second(LONGER), second([Message("system", SYSTEM.content.replace("10", "11")), *LONGER[1:]])
    total = sum(len(message.content) for message in LONGER)
    assert kept.share == volatile.share == (len(SYSTEM.content) + len(USER.content)) / total


def test_tenants_do_not_share_sessions() -> None:
    tracker = PrefixTracker()
    for tenant in "ab":
        turn, sent = tracker.observe(tenant, "s", "m", LONGER, AT)
        sent()
        assert turn.cause == "first"


def test_a_turn_that_was_never_sent_warms_nothing() -> None:
    tracker = PrefixTracker()
    tracker.observe("t", "s", "m", LONGER, AT)
    assert tracker.held("t", "s", LONGER, AT) == {}
    assert tracker.observe("t", "s", "m", LONGER, AT)[0].cause == "first"


def test_each_model_of_a_session_holds_what_it_was_sent_last() -> None:
    tracker = PrefixTracker()
    for model, minutes, messages in (("a", 0, [SYSTEM, USER]), ("b", 50, LONGER)):
        tracker.observe("t", "s", model, messages, AT + timedelta(minutes=minutes))[1]()
    held = tracker.held("t", "s", [*LONGER, ANSWER], AT + timedelta(minutes=52))
    assert held["a"][0] == "expired" and held["b"][0] == "kept"
    assert 0 < held["a"][1] < held["b"][1] < 1
