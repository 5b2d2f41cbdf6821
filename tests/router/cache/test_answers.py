"""Only complete answers are stored, and two answers agree or differ only where their words prove it."""

import pytest

from router.cache.answers import NewAnswer, same_answer

LONG = "word " * 60


@pytest.mark.parametrize(
    "answer, reason",
    [
        (NewAnswer("Paris", failed=True), "failed"),
        (NewAnswer("Paris", finish_reason="length"), "incomplete"),
        (NewAnswer("Paris", finish_reason="content_filter"), "incomplete"),
        (NewAnswer("  "), "empty"),
        (NewAnswer("é" * 51), "102 bytes"),
        (NewAnswer("ok", finish_reason="stop"), ""),
        (NewAnswer("é" * 49, finish_reason="end_turn"), ""),
    ],
)
def test_what_may_be_stored(answer: NewAnswer, reason: str) -> None:
    refusal = answer.refusal(max_bytes=100)
    assert reason in refusal and bool(refusal) == bool(reason)


@pytest.mark.parametrize(
    "new, old, agrees",
    [
        (NewAnswer("Paris."), NewAnswer("**paris**"), True),
        (NewAnswer("Paris"), NewAnswer("Lyon"), False),
        (NewAnswer("It is 5"), NewAnswer("It is 5.5"), False),
        (NewAnswer(LONG + "a"), NewAnswer(LONG + "b"), None),
        (NewAnswer("x", key="k"), NewAnswer("y", key="k"), True),
        (NewAnswer("x", key="k"), NewAnswer("x", key="l"), False),
        (NewAnswer("x", key="k"), NewAnswer("x"), None),
    ],
)
def test_agreement(new: NewAnswer, old: NewAnswer, agrees: bool | None) -> None:
    assert same_answer(new, old.digest, old.content, old.key) is agrees
