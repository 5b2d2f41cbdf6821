"""Disguises come off, and ordinary texts stay as they are."""

import base64
import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.inflation_attacks import ATTACKS
from router.embedding_cache import embed_cached
from router.encoders import HashingEncoder, encode_text
from router.estimate.features import text_features
from router.estimate.terms import text_terms
from router.requests import Request
from router.undisguised import undisguised

TEXT = "A 59-year-old man complains of chest pain. Which of the following is the most appropriate next step?"


DISGUISES = ["base64", "invisible characters", "rot13", "letters turned round", "dressed up as code"]


@pytest.mark.parametrize("attack", [*DISGUISES, "in a block of its own", "letters shifted by seven"])
def test_a_disguise_comes_off(attack: str) -> None:
    dressed = ATTACKS[attack](TEXT, random.Random(0))
    assert undisguised(dressed).removeprefix("Decode and answer: ") == TEXT


def test_letters_of_another_alphabet_inside_a_word_are_ours() -> None:
    dressed = ATTACKS["letters of another alphabet"](TEXT, random.Random(0))
    assert undisguised(dressed)[1:] == TEXT[1:]  # a letter alone mixes nothing


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        "Привет, как дела? Что нового?",
        "naïve café, Σωκράτης, 日本語のテキスト",
        "می‌خواهم",  # a joiner that Persian needs
        "sha256 d41d8cd98f00b204e9800998ecf8427ed41d8cd98f00b204",
        "https://example.com/" + "a" * 60,
        "![](data:image/png;base64," + base64.b64encode(bytes(range(256))).decode() + ")",
        "supercalifragilisticexpialidociousness",
        "",
    ],
)
def test_an_ordinary_text_stays(text: str) -> None:
    assert undisguised(text) == text


@pytest.mark.parametrize("attack", DISGUISES)
def test_labels_and_requests_are_read_undisguised_and_callers_see_what_came(attack: str, tmp_path: Path) -> None:
    dressed = ATTACKS[attack](TEXT, random.Random(0))
    said, encoder = undisguised(dressed), HashingEncoder()
    assert Request.from_prompt(dressed).text == dressed != said
    assert (encode_text(encoder, dressed) == encode_text(encoder, said)).all()
    assert (embed_cached(encoder, [dressed], tmp_path)[0] == encode_text(encoder, said)).all()
    assert (text_features(dressed) == text_features(said)).all()
    assert all((one == other).all() for one, other in zip(text_terms(dressed), text_terms(said), strict=True))


@given(st.text(max_size=300))
def test_any_text_goes_through(text: str) -> None:
    assert isinstance(undisguised(text), str)


@pytest.mark.parametrize("text", ["A" * 2_000_000, "\u200b" * 500_000, "аa" * 500_000, ("QUFB" * 12 + "=") * 20_000])
def test_no_text_makes_it_slow(text: str) -> None:
    """A bound far above what these take (a few milliseconds)."""
    started = time.process_time()
    undisguised(text)
    assert time.process_time() - started < 1.0
