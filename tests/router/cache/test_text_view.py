"""One text as comparing needs it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from router.cache.text_view import IDF_BUCKETS, Viewer, fit_idf, stem

VIEWER = Viewer(np.full(IDF_BUCKETS, 32, np.uint8))


def test_a_rare_word_weighs_more() -> None:
    viewer = Viewer(fit_idf(["the common word", "a common thing", "common zebra"]))
    weights = viewer.view("common zebra").weights
    assert weights[stem("zebra")] > weights[stem("common")]


def test_what_a_text_says_is_read() -> None:
    view = VIEWER.view("Don't fly 500 miles from Rome to NASA on Monday")
    assert view.negations == 1 and view.numbers == {"500"} and view.amounts == {("500", "mile")}
    assert view.units == {"mile"} and view.dates == {"monday"} and view.roles == {"rome": "from", "nasa": "to"}
    assert view.capitals == {"rome", "nasa", "monday"} and view.opposed == {"on"}
    assert view.around["rome"][:2] == ("from", "to") and list(view.weights)[view.around["rome"][2]] == "rome"


@given(st.lists(st.sampled_from(["a", "is", "Rome", "can't", "5", "%", "école"]), max_size=8))
def test_letters_in_threes_are_those_of_the_joined_words(words: list[str]) -> None:
    low = f" {' '.join(words).lower()} ".replace("can't", "can n't")
    assert VIEWER.view(" ".join(words)).trigrams == {low[i : i + 3] for i in range(len(low) - 2)}


@given(st.text(max_size=60))
def test_a_view_is_the_same_however_often_it_is_made(text: str) -> None:
    assert VIEWER.view(text) == Viewer(np.full(IDF_BUCKETS, 32, np.uint8)).view(text)
