"""Sizes of pictures and lengths of sounds, from what a part brings with it."""

import base64
import io
import wave

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from router.media_parts import SPEECH_BYTES_PER_SECOND, USUAL_PIXELS, USUAL_SECONDS, Picture, Sound, read_media


def picture(width: int, height: int, kind: str) -> str:
    target = io.BytesIO()
    Image.new("RGB", (width, height)).save(target, kind)
    return base64.b64encode(target.getvalue()).decode()


def sound(seconds: float, rate: int = 16_000) -> str:
    target = io.BytesIO()
    with wave.open(target, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(b"\0\0" * int(seconds * rate))
    return base64.b64encode(target.getvalue()).decode()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_every_way_to_write_a_picture_tells_its_size(kind: str) -> None:
    data = picture(640, 480, kind)
    url = f"data:image/{kind.lower()};base64,{data}"
    for part in (
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "input_image", "image_url": url},
        {"type": "image", "source": {"type": "base64", "data": data}},
    ):
        assert read_media(part) == Picture(640, 480, "high")


def test_an_address_is_never_followed_and_has_the_usual_size() -> None:
    part = {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "low"}}
    assert read_media(part) == Picture(USUAL_PIXELS, USUAL_PIXELS, "low")


def test_a_wav_tells_its_length_and_another_sound_is_taken_for_speech() -> None:
    part = {"type": "input_audio", "input_audio": {"data": sound(3.0), "format": "wav"}}
    assert read_media(part).seconds == pytest.approx(3.0, abs=0.01)
    mp3 = base64.b64encode(b"\xff" * SPEECH_BYTES_PER_SECOND * 5).decode()
    assert read_media({"type": "input_audio", "input_audio": {"data": mp3}}).seconds == pytest.approx(5, abs=0.01)
    assert read_media({"type": "audio", "audio": {"id": "a1"}}) == Sound(USUAL_SECONDS)


LEAF = st.sampled_from([None, 7, "", "data:image/png;base64,!!", "data:,", "https://a", "UklGRg==", "é"])
INNER = LEAF | st.dictionaries(st.sampled_from(["url", "data", "detail", "id"]), LEAF, max_size=3)
KINDS = st.sampled_from(["image_url", "image", "input_audio", "file"])


@settings(max_examples=50)
@given(KINDS, st.dictionaries(st.sampled_from(["image_url", "source", "input_audio", "detail"]), INNER, max_size=3))
def test_whatever_a_part_holds_it_is_read_or_left_aside(kind, inner) -> None:
    found = read_media({"type": kind, **inner})
    assert (found is None) == (kind == "file")
