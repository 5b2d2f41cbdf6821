from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import InputError
from router.requests import Request

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("prompt", "messages", "tenant", "tags", "constraints", "parameters", "value_usd", "objective", "task")


def test_the_last_user_turn_is_what_is_read():
    request = Request.from_mapping(
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": None},
                {"role": "user", "content": [{"type": "text", "text": "What is this?"}, {"type": "image_url"}]},
            ]
        }
    )
    assert request.text == "What is this?"
    assert request.images == 1
    assert request.context_chars == len("Be brief.") + len("Hello") + len("What is this?")


@pytest.mark.parametrize(
    ("given_", "field"),
    [
        ({}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": "   \n"}, "prompt"),
        ({"prompt": 7}, "prompt"),
        ({"prompt": "a", "messages": []}, "prompt"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "a"}]}, r"messages\[0\].role"),
        ({"messages": [{"role": "user", "content": {"text": "a"}}]}, r"messages\[0\].content"),
        ({"prompt": "\ud800"}, "prompt"),
        ({"prompt": "a", "tenant": ""}, "tenant"),
        ({"prompt": "a", "constraints": {"max_usd": -1}}, "constraints.max_usd"),
        ({"prompt": "a", "constraints": {"max_usd": float("nan")}}, "constraints.max_usd"),
        ({"prompt": "a", "constraints": {"min_quality": 1.5}}, "constraints.min_quality"),
        ({"prompt": "a", "constraints": {"needs": ["telepathy"]}}, "constraints.needs"),
        ({"prompt": "a", "constraints": {"cheap": True}}, "constraints.cheap"),
        ({"prompt": "a", "value_usd": "lots"}, "value_usd"),
        ({"prompt": "a", "objective": "fastest"}, "objective"),
        ({"prompt": "a" * 4_000_001}, "messages"),
    ],
)
def test_a_wrong_value_is_refused_by_its_field(given_, field):
    with pytest.raises(InputError, match=field):
        Request.from_mapping(given_)


def test_money_is_exact():
    request = Request.from_mapping({"prompt": "a", "constraints": {"max_usd": 0.1}})
    assert request.constraints.max_usd == Decimal("0.1")


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, ANYTHING)))
def test_whatever_is_sent_is_a_request_or_an_input_error(body):
    try:
        request = Request.from_mapping(body)
    except InputError as error:
        assert error.field and error.cure
    else:
        assert isinstance(request.text, str)


@pytest.mark.parametrize("tags", [{"team": "a\x00b"}, {"te\x00am": "a"}, {"team": 3}, {"team": "x" * 201}])
def test_a_tag_that_no_store_could_sum_by_is_refused(tags: dict) -> None:
    with pytest.raises(InputError, match="not a short text"):
        Request.from_mapping({"prompt": "x", "tags": tags})
