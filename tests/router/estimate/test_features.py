"""Named features: finite, bounded in time, the same for the same text."""

import time

import numpy as np
import pytest

from router.estimate.features import FEATURE_NAMES, text_features


@pytest.mark.parametrize("text", ["", " ", "a", None, 7, b"bytes", "\x00\ud800", "混合 text é", "9" * 5000, "\n\n?"])
def test_every_input_gives_finite_features(text: object) -> None:
    features = text_features(text)
    assert features.shape == (len(FEATURE_NAMES),) and features.dtype == np.float64
    assert np.isfinite(features).all()


def test_names_are_distinct() -> None:
    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES)


def test_a_megabyte_costs_no_more_than_a_long_prompt() -> None:
    started = time.perf_counter()
    features = text_features("what is 7 + 5? " * 70_000)
    assert time.perf_counter() - started < 0.5
    assert features[FEATURE_NAMES.index("log_chars")] == pytest.approx(np.log1p(15 * 70_000))


@pytest.mark.parametrize(
    ("name", "less", "more"),
    [
        ("log_digits", "two and two", "22 and 22"),
        ("any_code", "a cat sat", "def f(): return x"),
        ("any_choices", "a cat sat", "A) cat B) dog"),
        ("words_negation", "which is so", "which is not so"),
        ("chars_non_ascii", "Strasse", "Straße"),
        ("ends_with_question", "Say it.", "Say it? "),
        ("longest_number", "7 cats", "7777777 cats"),
    ],
)
def test_a_feature_means_what_its_name_says(name: str, less: str, more: str) -> None:
    column = FEATURE_NAMES.index(name)
    assert text_features(less)[column] < text_features(more)[column]
