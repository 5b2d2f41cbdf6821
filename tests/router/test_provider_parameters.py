import pytest

from router.catalog import build_specs
from router.provider_parameters import provider_parameters
from router.routes import Route


def parameters(key, cap=800):
    route = Route.parse(key)
    return provider_parameters(build_specs([route])[route], cap)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("gpt-5|low", {"model": "gpt-5", "max_completion_tokens": 800, "reasoning_effort": "low"}),
        ("gpt-4o|none", {"model": "gpt-4o", "max_completion_tokens": 800}),
        ("claude-sonnet-4-5|none", {"model": "claude-sonnet-4-5", "max_tokens": 800}),
        (
            "gemini-2.5-pro|budget:4000",
            {
                "model": "gemini-2.5-pro",
                "generationConfig": {"maxOutputTokens": 800, "thinkingConfig": {"thinkingBudget": 4000}},
            },
        ),
    ],
)
def test_a_route_in_the_words_of_its_provider(key, expected):
    assert parameters(key) == expected


def test_thinking_leaves_room_for_the_answer():
    sent = parameters("claude-sonnet-4-5|low", cap=300)
    assert sent["thinking"]["budget_tokens"] < sent["max_tokens"]
