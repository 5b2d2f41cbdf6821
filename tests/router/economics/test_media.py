from decimal import Decimal

import pytest

from router.economics.media import Image, Speech, video_tokens


@pytest.mark.parametrize(
    ("width", "height", "rule", "tokens"),
    [
        (1024, 1024, "openai-tiles", 765),  # 2 × 2 tiles after fitting 768
        (2048, 4096, "openai-tiles", 1105),  # 2 × 3 tiles
        (512, 512, "openai-tiles", 255),
        (512, 513, "openai-tiles", 425),  # one pixel more is one tile more
        (1024, 1024, "anthropic-area", 1399),
        (200, 200, "anthropic-area", 54),
        (8000, 8000, "anthropic-area", 1600),
        (384, 384, "google-tiles", 258),
        (769, 768, "google-tiles", 516),
    ],
)
def test_published_token_counts(width, height, rule, tokens):
    assert Image(width_pixels=width, height_pixels=height, rule=rule).tokens() == tokens


def test_low_detail_is_the_base():
    assert Image(width_pixels=4000, height_pixels=10, rule="openai-tiles", detail="low").tokens() == 85


def test_speech_and_video():
    assert Speech(heard_seconds=Decimal(60), spoken_seconds=Decimal("0.01")).audio_tokens() == (600, 1)
    assert video_tokens(Decimal(10)) == 2950
    assert video_tokens(Decimal(10), with_audio=False) == 2630
