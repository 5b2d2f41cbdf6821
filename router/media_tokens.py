"""How many input tokens the pictures and sounds of a request take on a route.

OpenAI counts by its tiles or patches, which differ by model; Anthropic by area; Google by tiles and seconds. A host of
open models is taken to count like GPT-4o. Sources: the providers' vision guides (2026), and router.economics.media.
"""

import math
import re
from collections.abc import Sequence
from functools import lru_cache

from router.economics.media import (
    GOOGLE_AUDIO_TOKENS_PER_SECOND,
    HEARD_TOKENS_PER_SECOND,
    OPENAI_BASE,
    OPENAI_TILE,
    Image,
    Rule,
)
from router.media_parts import Picture, Sound

RULES: dict[str | None, Rule] = {"anthropic": "anthropic-area", "google": "google-tiles"}
# OpenAI's models that count otherwise than GPT-4o (85 tokens and 170 a tile): base and tile tokens.
TILES = (
    (re.compile(r"(^|/)gpt-4o-mini"), 2833, 5667),
    (re.compile(r"(^|/)(o1|o3)(?!-mini)"), 75, 150),
    (re.compile(r"(^|/)gpt-5(?!.*(mini|nano))"), 70, 140),
)
# Those that count patches of 32 pixels, at most 1,536 of them, times a factor.
PATCHES = (
    (re.compile(r"(^|/)gpt-(4\.1|5)-mini"), 1.62),
    (re.compile(r"(^|/)gpt-(4\.1|5)-nano"), 2.46),
    (re.compile(r"(^|/)o4-mini"), 1.72),
)
PATCH_PIXELS, MOST_PATCHES = 32, 1536


def picture_tokens(pictures: Sequence[Picture], model: str, provider: str | None) -> int:
    return sum(_tokens(one, model.lower(), RULES.get(provider, "openai-tiles")) for one in pictures)


def sound_tokens(sounds: Sequence[Sound], provider: str | None) -> int:
    rate = GOOGLE_AUDIO_TOKENS_PER_SECOND if provider == "google" else HEARD_TOKENS_PER_SECOND
    return sum(math.ceil(one.seconds * rate) for one in sounds)


@lru_cache(maxsize=4096)
def _tokens(picture: Picture, model: str, rule: Rule) -> int:
    width, height, detail = picture
    if rule == "openai-tiles":
        factor = next((factor for pattern, factor in PATCHES if pattern.search(model)), None)
        if factor is not None:
            return math.ceil(_patches(width, height) * factor)
    listed = Image(
        width_pixels=width, height_pixels=height, rule=rule, detail="low" if detail == "low" else "high"
    ).tokens()
    if rule != "openai-tiles":
        return listed
    base, tile = next(((base, tile) for pattern, base, tile in TILES if pattern.search(model)), (85, 170))
    return base + (listed - OPENAI_BASE) // OPENAI_TILE * tile


def _patches(width: int, height: int) -> int:
    """Patches of a picture, shrunk where it would take too many."""
    across, down = math.ceil(width / PATCH_PIXELS), math.ceil(height / PATCH_PIXELS)
    return min(across * down, MOST_PATCHES)
