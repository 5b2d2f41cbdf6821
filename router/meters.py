"""What a call is metered by beyond plain tokens, in the price library's words, and what service tiers do to a price.

Long-context tiers, off-peak hours, cache writes and media prices are the library's; the factors below are what it
lacks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from genai_prices import Usage as LibraryUsage

SERVICE_TIERS = ("default", "batch", "flex", "priority")
# Of the list price, by provider and service tier, as published in 2026. A pair that is not here costs the list price.
TIER_FACTORS: Mapping[tuple[str, str], Decimal] = {
    ("openai", "batch"): Decimal("0.5"),
    ("openai", "flex"): Decimal("0.5"),
    ("openai", "priority"): Decimal(2),
    ("azure", "batch"): Decimal("0.5"),
    ("anthropic", "batch"): Decimal("0.5"),
    ("google", "batch"): Decimal("0.5"),
    ("google", "flex"): Decimal("0.5"),
    ("mistral", "batch"): Decimal("0.5"),
    ("groq", "batch"): Decimal("0.5"),
    ("together", "batch"): Decimal("0.5"),
    ("fireworks", "batch"): Decimal("0.5"),
}
# USD per million tokens and hour that an explicit context cache is kept (Google's price list, 2026).
STORAGE_USD = {"pro": Decimal("4.50"), "flash": Decimal("1.00")}


@dataclass(frozen=True)
class Meters:
    """Counts of one call besides input, cached input, output and reasoning.

    Cache writes and input media are parts of the input tokens, output audio of the output tokens;
    `storage_token_hours` are tokens × hours kept in a context cache.
    """

    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    image_input_tokens: int = 0
    web_searches: int = 0
    storage_token_hours: float = 0.0
    service_tier: str = "default"

    def in_library_words(self, **tokens: int) -> LibraryUsage:
        """The library's usage of a call with these plain counts; a count of zero is left out, for it needs no price."""
        writes = self.cache_write_tokens + self.cache_write_1h_tokens
        said: dict[str, Any] = {
            **tokens,
            "cache_write_tokens": writes,
            "cache_write_1h_tokens": self.cache_write_1h_tokens,
            "input_audio_tokens": self.audio_input_tokens,
            "output_audio_tokens": self.audio_output_tokens,
            "input_image_tokens": self.image_input_tokens,
            "web_searches": self.web_searches,
        }
        return LibraryUsage(**{name: count for name, count in said.items() if count or name in tokens})

    def storage_usd(self, model: str) -> Decimal:
        """USD for keeping a context cache; nothing where its price is not published per token and hour."""
        if not self.storage_token_hours:
            return Decimal(0)
        price = next((usd for word, usd in STORAGE_USD.items() if word in model.lower()), Decimal(0))
        return Decimal(str(self.storage_token_hours)) * price / 1_000_000


PLAIN = Meters()
