"""Reports are refused with field, value and cure, or read exactly."""

import math
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.decisions import Outcome
from router.errors import InputError
from router.outcomes import FIELDS, billed, conflicts, content_digest, facts, read_outcome
from router.prices import Usage
from router.routes import Route

ROUTE, AT = Route("gpt-4o", "none"), datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "said, field",
    [
        ({}, "outcome"),
        ({"corect": 1}, "corect"),
        ({"correct": 1.1}, "correct"),
        ({"correct": math.nan}, "correct"),
        ({"correct": "yes"}, "correct"),
        ({"input_tokens": -1}, "input_tokens"),
        ({"input_tokens": 1.5}, "input_tokens"),
        ({"input_tokens": True}, "input_tokens"),
        ({"output_tokens": 10**12}, "output_tokens"),
        ({"usd": -0.1}, "usd"),
        ({"usd": "NaN"}, "usd"),
        ({"usd": "1e9"}, "usd"),
        ({"usd": [1]}, "usd"),
        ({"latency_s": math.inf}, "latency_s"),
        ({"status": "fine"}, "status"),
        ({"status": ["ok"]}, "status"),
        ({"error": "x" * 3000}, "error"),
        ({"model": " "}, "model"),
        ({"details": [1]}, "details"),
        ({"details": {"x": "y" * 20_000}}, "details"),
        ({"tenant": ""}, "tenant"),
    ],
)
def test_a_wrong_value_names_its_field(said: dict, field: str) -> None:
    with pytest.raises(InputError) as raised:
        read_outcome({"decision_id": "d", **said})
    assert raised.value.field == field


@pytest.mark.parametrize("given_id", [None, "", 3, "x" * 201])
def test_a_report_needs_an_id(given_id: object) -> None:
    with pytest.raises(InputError, match="decision_id"):
        read_outcome({"decision_id": given_id, "correct": 1})


def test_numbers_are_kept_exactly() -> None:
    outcome = read_outcome({"decision_id": "d", "correct": True, "usd": "0.10000000000000000001", "input_tokens": 0})
    assert (outcome.correct, outcome.usd, outcome.input_tokens) == (1.0, Decimal("0.10000000000000000001"), 0)
    assert facts(outcome) == {"correct": 1.0, "usd": "0.10000000000000000001", "input_tokens": 0}


def test_the_same_statement_has_the_same_digest() -> None:
    one, two = (read_outcome({"decision_id": "d", "usd": usd}) for usd in ("1.50", 1.5))
    assert content_digest(one) == content_digest(two)
    assert conflicts(one, two) == {}


@pytest.mark.parametrize(
    "said, usage",
    [
        ({"input_tokens": 10, "output_tokens": 2}, Usage(10, 2)),
        ({"input_tokens": 10, "output_tokens": 2, "cached_input_tokens": 4}, Usage(10, 2, 4)),
        ({"input_tokens": 10, "output_tokens": 2, "cached_input_tokens": 40}, Usage(10, 2, 10)),
        ({"input_tokens": 10}, None),
        ({"output_tokens": 10}, None),
    ],
)
def test_tokens_are_priced_only_when_both_sides_are_known(said: dict, usage: Usage | None) -> None:
    asked = []
    usd = billed(Outcome("d", **said), ROUTE, AT, lambda *given: asked.append(given) or Decimal(1))
    assert asked == ([(ROUTE, usage, AT)] if usage else [])
    assert usd == (Decimal(1) if usage else None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=4), JSON, max_size=6))
@settings(max_examples=200, deadline=None)
def test_any_mapping_is_read_or_refused(given_body: dict) -> None:
    try:
        outcome = read_outcome(given_body)
    except InputError:
        return
    assert len(content_digest(outcome)) == 64
