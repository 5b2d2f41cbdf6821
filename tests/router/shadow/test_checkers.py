"""Answers are told right from wrong by what they say, not by how they are dressed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.shadow.checkers import check, last_number


@pytest.mark.parametrize("answer", ["Paris", " paris. ", "“PARIS”".strip("“”"), "**Paris**"])
def test_dress_does_not_matter(answer: str) -> None:
    assert check(answer, "Paris", "exact") == 1.0


def test_more_words_are_another_answer() -> None:
    assert check("Paris, Texas", "Paris", "exact") == 0.0


@pytest.mark.parametrize(
    "answer, right", [("So the answer is 1,250.", 1.0), ("1250.0", 1.0), ("12 50", 0.0), ("none", 0.0), ("-1250", 0.0)]
)
def test_the_last_number_is_the_answer(answer: str, right: float) -> None:
    assert check(answer, "1250", "numeric") == right


@given(st.floats(-1e12, 1e12).map(lambda value: round(value, 3)), st.text("ab .", max_size=10))
def test_a_written_number_is_read_back(value: float, before: str) -> None:
    assert last_number(f"{before} x {value!r}") == pytest.approx(value)
