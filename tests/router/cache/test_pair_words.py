"""The words tell apart what vectors do not: numbers, units, negation, direction, opposites, names."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.cache.pair_words import PAIR_WORD_NAMES, misspelt, pair_words
from router.cache.text_view import IDF_BUCKETS, Viewer

VIEWER = Viewer(np.full(IDF_BUCKETS, 32, np.uint8))


def features(one: str, other: str) -> dict[str, float]:
    return dict(zip(PAIR_WORD_NAMES, pair_words(VIEWER.view(one), VIEWER.view(other)), strict=True))


@pytest.mark.parametrize(
    "one, other, feature",
    [
        ("install python 3.11", "install python 3.12", "numbers_differ"),
        ("three headlines", "ten headlines", "numbers_differ"),
        ("5km in miles", "5 miles in km", "amounts_differ"),
        ("sales in March", "sales in May", "dates_differ"),
        ("weather today", "weather tomorrow", "dates_differ"),
        ("10 kg", "10 lb", "units_differ"),
        ("can I park here", "can't I park here", "negation_gap"),
        ("enable sync", "disable sync", "opposites"),
        ("largest state", "smallest state", "opposites"),
        ("cheapest flight", "first flight", "extremes_differ"),
        ("how many rivers", "which rivers", "asks_differ"),
        ("fly from Rome to Oslo", "fly from Oslo to Rome", "inversions"),
        ("fly from Rome to Oslo", "fly from Oslo to Rome", "roles_changed"),
        ("restaurants near Rome", "restaurants near Oslo", "swaps_framed"),
        ("rent in Rome", "rent in Oslo", "capitals_both"),
    ],
)
def test_a_difference_that_changes_the_answer_shows(one: str, other: str, feature: str) -> None:
    assert features(one, other)[feature] > 0


def test_another_order_of_the_same_words_is_not_a_difference_of_words() -> None:
    found = features("raspberry pi headless setup wifi", "headless raspberry pi wifi setup")
    assert found["same_content"] == 1 and found["left_sum_a"] == 0 and found["numbers_differ"] == 0


def test_number_words_and_unit_names_meet_their_short_forms() -> None:
    found = features("5 kilometers for two", "five km for 2")
    assert found["numbers_differ"] == found["units_differ"] == found["amounts_differ"] == 0


@pytest.mark.parametrize("one, other", [("colour", "color"), ("tommorow", "tomorrow"), ("mathematic", "mathematical")])
def test_misspelt_words_match(one: str, other: str) -> None:
    assert misspelt(one, other)
    assert not misspelt(one, "zebra")


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_has_finite_features(one: str, other: str) -> None:
    row = pair_words(VIEWER.view(one), VIEWER.view(other))
    assert len(row) == len(PAIR_WORD_NAMES) and np.isfinite(row).all()


@given(st.text(alphabet="ab 1?", max_size=30))
def test_a_text_differs_in_nothing_from_itself(text: str) -> None:
    found = features(text, text)
    assert found["left_sum_a"] == found["left_sum_b"] == found["numbers_differ"] == found["inversions"] == 0
