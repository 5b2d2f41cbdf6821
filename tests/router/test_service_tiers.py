"""Who may wait for what."""

import pytest

from router.requests import Request
from router.service_tiers import patience, tiers


@pytest.mark.parametrize(
    ("model", "provider", "seconds", "open_"),
    [
        ("gpt-5", "openai", 899, ("default",)),
        ("gpt-5", "openai", 900, ("default", "flex")),
        ("gpt-5", "openai", 86_400, ("default", "flex", "batch")),
        ("gpt-4o", "openai", 86_400, ("default", "batch")),
        ("o3-mini", "openai", 900, ("default",)),
        ("gpt-4o-audio-preview", "openai", 86_400, ("default",)),
        ("claude-sonnet-4-5", "anthropic", 86_400, ("default", "batch")),
        ("our-own-70b", None, 86_400, ("default",)),
    ],
)
def test_a_tier_is_open_to_who_can_wait_for_it(model, provider, seconds, open_) -> None:
    assert tiers(model, provider, seconds) == open_


def test_a_limit_on_the_seconds_holds_whatever_else_was_said() -> None:
    body = {"prompt": "x", "can_wait_seconds": 90_000}
    assert patience(Request.from_mapping(body)) == 90_000
    assert patience(Request.from_mapping(body | {"constraints": {"max_seconds": 5}})) == 5
    assert patience(Request.from_prompt("x")) == 0
