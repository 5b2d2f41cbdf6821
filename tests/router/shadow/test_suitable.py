"""Only what can be sent again as it was, and cannot act, is sent again."""

import pytest

from router.requests import Request
from router.shadow.suitable import chat_body

ALTERNATIVE = {"model": "gpt-4o", "parameters": {"model": "gpt-4o", "max_completion_tokens": 64}}
TURNS = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]


def test_turns_and_parameters_are_kept_and_delivery_is_replaced() -> None:
    request = Request.from_mapping({"messages": TURNS, "temperature": 0, "stream": True, "max_tokens": 9, "model": "m"})
    assert chat_body(request, ALTERNATIVE) == {
        "temperature": 0,
        "messages": TURNS,
        "model": "gpt-4o",
        "max_completion_tokens": 64,
    }


@pytest.mark.parametrize(
    "given",
    [
        {"messages": TURNS, "tools": [{"type": "function"}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        {"messages": [{"role": "user", "content": "a", "name": "Bob"}]},
    ],
)
def test_tools_pictures_and_names_are_not_sent_again(given: dict[str, object]) -> None:
    assert chat_body(Request.from_mapping(given), ALTERNATIVE) is None
