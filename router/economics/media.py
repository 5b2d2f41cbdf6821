"""How many tokens images, video and speech become. Knows counting rules; prices are the meters' business.

Sources: OpenAI's tile rule for GPT-4o (85 tokens, and 170 per 512-pixel tile after fitting into 2048 and a short side
of 768), Anthropic's area rule (width × height / 750, long side at most 1568 and about 1.15 megapixels), Google's fixed
rates (258 tokens per image tile of 768 pixels, 263 per second of video, 32 per second of audio), and OpenAI's Realtime
rate (one audio token per 100 ms heard and per 50 ms spoken).
"""

import math
from decimal import Decimal
from typing import Literal

from pydantic import Field

from router.economics.inputs import Amount, Inputs

Rule = Literal["openai-tiles", "anthropic-area", "google-tiles"]
OPENAI_BASE, OPENAI_TILE, _TILE_PIXELS, _LONG_SIDE, _SHORT_SIDE = 85, 170, 512, 2048, 768
ANTHROPIC_PIXELS_PER_TOKEN, _ANTHROPIC_LONG_SIDE, _ANTHROPIC_MOST_TOKENS = 750, 1568, 1600
GOOGLE_TILE, _GOOGLE_PIXELS, _GOOGLE_SMALL = 258, 768, 384
GOOGLE_VIDEO_TOKENS_PER_SECOND, GOOGLE_AUDIO_TOKENS_PER_SECOND = 263, 32
HEARD_TOKENS_PER_SECOND, SPOKEN_TOKENS_PER_SECOND = 10, 20


class Image(Inputs):
    """An image by its pixels, and the rule of who will read it."""

    width_pixels: int = Field(gt=0, le=100_000)
    height_pixels: int = Field(gt=0, le=100_000)
    rule: Rule
    detail: Literal["high", "low"] = "high"

    def tokens(self) -> int:
        if self.rule == "anthropic-area":
            return _by_area(self.width_pixels, self.height_pixels)
        if self.rule == "google-tiles":
            return _google(self.width_pixels, self.height_pixels)
        return OPENAI_BASE if self.detail == "low" else _by_tiles(self.width_pixels, self.height_pixels)


class Speech(Inputs):
    """A spoken exchange, by what the model hears and says."""

    heard_seconds: Amount = Decimal(0)
    spoken_seconds: Amount = Decimal(0)

    def audio_tokens(self) -> tuple[int, int]:
        """(heard, spoken) tokens, rounded up as they are billed."""
        heard = math.ceil(self.heard_seconds * HEARD_TOKENS_PER_SECOND)
        return heard, math.ceil(self.spoken_seconds * SPOKEN_TOKENS_PER_SECOND)


def video_tokens(seconds: Decimal, with_audio: bool = True) -> int:
    """Tokens of a clip by Google's rates at one frame per second."""
    per_second = GOOGLE_VIDEO_TOKENS_PER_SECOND + (GOOGLE_AUDIO_TOKENS_PER_SECOND if with_audio else 0)
    return math.ceil(seconds * per_second)


def _by_tiles(width: int, height: int) -> int:
    shrink = min(1.0, _LONG_SIDE / max(width, height))
    width_fitted, height_fitted = width * shrink, height * shrink
    shrink = min(1.0, _SHORT_SIDE / min(width_fitted, height_fitted))
    # rounded first: a side of exactly two tiles must not become three by a rounding error
    across, down = (math.ceil(round(side * shrink, 6) / _TILE_PIXELS) for side in (width_fitted, height_fitted))
    return OPENAI_BASE + OPENAI_TILE * across * down


def _by_area(width: int, height: int) -> int:
    shrink = min(1.0, _ANTHROPIC_LONG_SIDE / max(width, height))
    tokens = math.ceil(width * height * shrink * shrink / ANTHROPIC_PIXELS_PER_TOKEN)
    return min(tokens, _ANTHROPIC_MOST_TOKENS)


def _google(width: int, height: int) -> int:
    if max(width, height) <= _GOOGLE_SMALL:
        return GOOGLE_TILE
    return GOOGLE_TILE * math.ceil(width / _GOOGLE_PIXELS) * math.ceil(height / _GOOGLE_PIXELS)
