"""Sealed texts open with their key, at their place, unchanged, and not else."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import InputError
from router.privacy.cipher import Cipher, SealedError, is_sealed

ONE, TWO = (f"{name}:{base64.b64encode(bytes([byte]) * 32).decode()}" for name, byte in (("k1", 1), ("k2", 2)))


@given(st.text(), st.text(max_size=20))
def test_what_is_sealed_opens_again(text, place) -> None:
    cipher = Cipher.read(ONE)
    sealed = cipher.seal(text, place)
    assert is_sealed(sealed) and cipher.open(sealed, place) == text


def test_the_text_cannot_be_read_off_and_no_two_are_alike() -> None:
    cipher = Cipher.read(ONE)
    one, two = (cipher.seal("what is my diagnosis", "p") for _ in range(2))
    assert "diagnosis" not in one and one != two


def test_a_changed_or_moved_text_does_not_open() -> None:
    cipher = Cipher.read(ONE)
    sealed = cipher.seal("text", "here")
    for wrong, place in ((sealed, "there"), (sealed[:-4] + "AAAA", "here"), (sealed + "!", "here")):
        with pytest.raises(SealedError):
            cipher.open(wrong, place)


def test_a_new_key_in_front_seals_and_the_old_one_still_opens() -> None:
    old, both = Cipher.read(ONE), Cipher.read(f"{TWO},{ONE}")
    sealed = old.seal("text", "p")
    assert both.open(sealed, "p") == "text" and not both.is_fresh(sealed)
    assert both.is_fresh(both.seal("text", "p"))
    with pytest.raises(SealedError, match="k1"):
        Cipher.read(TWO).open(sealed, "p")


def test_without_keys_texts_stay_as_they_are() -> None:
    assert Cipher().seal("text", "p") == "text" == Cipher.read(ONE).open("text", "p")


@pytest.mark.parametrize("text", ["k1", "k1:", "k1:c2hvcnQ=", ":AAAA", f"{ONE},{ONE}", ONE.replace("k1", "k-1")])
def test_wrong_keys_are_refused_without_showing_them(text) -> None:
    with pytest.raises(InputError) as refused:
        Cipher.read(text)
    assert ONE.split(":")[1] not in str(refused.value)
