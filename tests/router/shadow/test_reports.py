"""A report's `shadow` is validated, scored where it can be, and keeps no text."""

import pytest

from router.errors import InputError
from router.outcomes import merge, read_outcome

DECISION = {"decision_id": "d"}


def shadow_of(**shadow: object) -> dict[str, object]:
    return dict(read_outcome({**DECISION, "shadow": shadow}).shadow or {})


def test_a_label_is_taken_as_given() -> None:
    assert shadow_of(correct=True, usd="0.001") == {"correct": 1.0, "usd": "0.001", "scored_by": "label"}


def test_an_answer_is_scored_by_its_reference_and_not_kept() -> None:
    assert shadow_of(answer="It is 42.", reference="42", checker="numeric") == {"correct": 1.0, "scored_by": "numeric"}


def test_both_answers_are_scored_alike() -> None:
    given = {**DECISION, "answer": "Rome", "shadow": {"answer": "Paris", "reference": "paris"}}
    assert read_outcome(given).shadow == {"correct": 1.0, "incumbent_correct": 0.0, "scored_by": "exact"}


@pytest.mark.parametrize(
    "shadow, field",
    [
        ({}, "shadow"),
        ({"colour": 1}, "shadow.colour"),
        ({"correct": 2}, "shadow.correct"),
        ({"answer": "a", "reference": "a", "checker": "vibes"}, "shadow.checker"),
        ({"answer": "a"}, "shadow"),
        ({"correct": 1, "route": ""}, "shadow.route"),
    ],
)
def test_a_wrong_field_is_named(shadow: dict[str, object], field: str) -> None:
    with pytest.raises(InputError) as caught:
        shadow_of(**shadow)
    assert caught.value.field == field


def test_a_call_inside_a_report_has_no_shadow() -> None:
    with pytest.raises(InputError):
        read_outcome({**DECISION, "calls": [{"kind": "retry", "usd": 1, "shadow": {"correct": 1}}]})


def test_parts_of_a_shadow_add_up() -> None:
    merged = merge("d", "t", [{"shadow": {"usd": "1"}}, {"correct": 1.0}, {"shadow": {"correct": 0.0}}])
    assert merged.shadow == {"usd": "1", "correct": 0.0} and merged.correct == 1.0
