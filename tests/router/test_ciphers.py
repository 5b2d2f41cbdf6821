"""Simple ciphers come off English, and everything else stays as it is."""

import codecs
import time
from string import ascii_lowercase, ascii_uppercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.ciphers import deciphered

TEXT = (
    "A 59-year-old man complains of chest pain, which began an hour ago. Which of the following is the most "
    "appropriate next step in the management of this patient?"
)
ORDER = "Decode and answer: "


def shifted(text: str, by: int) -> str:
    return text.translate(
        {
            ord(one): letters[(i + by) % 26]
            for letters in (ascii_lowercase, ascii_uppercase)
            for i, one in enumerate(letters)
        }
    )


@pytest.mark.parametrize("by", [1, 7, 13, 25])
def test_shifted_letters_come_back_after_a_plain_order(by: int) -> None:
    assert deciphered(shifted(TEXT, by)) == TEXT
    assert deciphered(ORDER + shifted(TEXT, by)) == ORDER + TEXT


def test_a_text_turned_round_is_turned_back() -> None:
    assert deciphered(TEXT[::-1]) == TEXT
    each = " ".join(word[::-1] for word in TEXT.split())
    assert {"complains", "which", "following", "management"} <= set(deciphered(each).split())


def test_digits_in_words_are_letters() -> None:
    assert deciphered("Wh1ch 0f th3 f0ll0w1ng is th3 c4us3?") == "Which of the following is the cause?"
    assert (
        deciphered("Take 10 mg of 5-HT2A ligand B12, then the H2O.") == "Take 10 mg of 5-HT2A ligand B12, then the H2O."
    )


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        "",
        "the " * 40,
        "ACGTTGCA" * 30,
        "d41d8cd98f00b204e9800998ecf8427e" * 4,
        "for i in range(10):\n    print(xs[i] ** 2, end='')\n" * 5,
        "Der Vertrag wurde gestern unterschrieben, und niemand weiß, wer ihn gelesen hat und warum er so lang ist.",
        "Ketika matahari terbit, orang-orang di desa itu mulai bekerja di sawah bersama keluarga mereka.",
        "Arapça karakterlerin şekillendirmesini gerçekleştir, sonra dosyayı kapat ve yeniden başlat.",
        "brillig slithy toves gyre gimble wabe mimsy borogoves mome raths outgrabe jabberwock frumious bandersnatch",
        "Привет, как дела? 日本語のテキスト",
    ],
)
def test_what_is_no_cipher_of_english_stays(text: str) -> None:
    assert deciphered(text) == text


def test_a_secret_inside_a_plain_text_comes_off_alone() -> None:
    before, after = "Please read the note that I found in the attic:\n", "\nIt is signed by my aunt and dated 1911."
    found = deciphered(before + codecs.encode(TEXT, "rot13") + after)
    assert found.startswith(before) and TEXT in found and found.endswith("dated 1911.")


@given(st.text(max_size=300))
def test_any_text_goes_through(text: str) -> None:
    assert isinstance(deciphered(text), str)


@pytest.mark.parametrize("text", ["q" * 20_000, "zq xj " * 3_000, codecs.encode(TEXT, "rot13") * 100, "a1" * 10_000])
def test_no_text_makes_it_slow(text: str) -> None:
    """A bound far above what these take (some milliseconds)."""
    started = time.process_time()
    deciphered(text[:20_000])
    assert time.process_time() - started < 0.5
