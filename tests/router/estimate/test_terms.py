"""Hashed terms: order, repeats and input that is not text."""

from router.estimate.terms import TERM_COLUMNS, text_terms


def test_order_of_words_makes_other_terms() -> None:
    assert set(text_terms("dog bites man")[0]) != set(text_terms("man bites dog")[0])


def test_repeats_weigh_more_but_not_in_proportion() -> None:
    columns, weights = text_terms("no no no no")
    assert (columns < TERM_COLUMNS).all() and 2.0 < weights.max() < 3.0


def test_what_is_not_text_has_no_terms() -> None:
    assert len(text_terms(None)[0]) == len(text_terms("")[0]) == 0
