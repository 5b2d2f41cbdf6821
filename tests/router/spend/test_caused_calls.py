"""Calls inside a report are validated like reports."""

import pytest

from router.errors import InputError
from router.outcomes import read_outcome


def read(*calls: object) -> object:
    return read_outcome({"decision_id": "d", "calls": list(calls)}).calls


def test_a_call_keeps_its_kind_and_facts() -> None:
    assert read({"kind": "judge", "usd": "0.10"}, {"model": "gpt-4o", "usage": {"prompt_tokens": 5}}) == (
        {"kind": "judge", "usd": "0.1"},
        {"kind": "retry", "model": "gpt-4o", "input_tokens": 5, "output_tokens": 0},
    )


@pytest.mark.parametrize(
    "call, field",
    [
        (3, "calls[0]"),
        ({"kind": "call", "usd": 1}, "calls[0].kind"),
        ({"usd": -1}, "calls[0].usd"),
        ({"kind": "retry"}, "calls[0].outcome"),
        ({"usd": 1, "effort": ""}, "calls[0].effort"),
        ({"usd": 1, "calls": []}, "calls[0].calls"),
    ],
)
def test_a_wrong_call_names_its_place(call: object, field: str) -> None:
    with pytest.raises(InputError) as refused:
        read(call)
    assert refused.value.field == field


def test_too_many_calls_are_refused() -> None:
    with pytest.raises(InputError, match="calls"):
        read(*[{"usd": 1}] * 101)
