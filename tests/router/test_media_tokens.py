"""Pictures and sounds as tokens, by who counts them."""

import pytest

from router.media_parts import Picture, Sound
from router.media_tokens import picture_tokens, sound_tokens

SQUARE = Picture(1024, 1024, "high")


@pytest.mark.parametrize(
    ("model", "provider", "tokens"),
    [
        ("gpt-4o", "openai", 85 + 4 * 170),
        ("gpt-4o-mini", "openai", 2833 + 4 * 5667),
        ("o1", "openai", 75 + 4 * 150),
        ("gpt-5", "openai", 70 + 4 * 140),
        ("gpt-5-mini", "openai", 1659),  # 1,024 patches × 1.62
        ("claude-sonnet-4-5", "anthropic", 1399),  # 1024² / 750
        ("gemini-2.5-pro", "google", 4 * 258),
        ("llama-4-maverick", "together", 85 + 4 * 170),
    ],
)
def test_each_model_counts_in_its_own_way(model: str, provider: str, tokens: int) -> None:
    assert picture_tokens([SQUARE], model, provider) == tokens
    assert picture_tokens([SQUARE, SQUARE], model, provider) == 2 * tokens


def test_low_detail_is_the_base_alone_and_a_huge_picture_is_bounded() -> None:
    assert picture_tokens([Picture(4000, 3000, "low")], "gpt-4o", "openai") == 85
    assert picture_tokens([Picture(100_000, 100_000, "high")], "gpt-5-nano", "openai") == 3779  # 1,536 patches × 2.46


def test_sounds_count_by_the_second() -> None:
    assert sound_tokens([Sound(2.0), Sound(0.05)], "google") == 64 + 2
    assert sound_tokens([Sound(2.0)], "openai") == 20
