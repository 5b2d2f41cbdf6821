"""Our quoted prices in the price library's form, so that a route that only we can price is billed like any other."""

from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from genai_prices.types import ModelPrice, Tier, TieredPrices

from router.economics.meters import Meters, Quote
from router.economics.price_file import find_quotes

_FORM = {
    "input_mtok": "usd_per_million_input_tokens",
    "output_mtok": "usd_per_million_output_tokens",
    "cache_read_mtok": "usd_per_million_cached_input_tokens",
    "cache_write_mtok": "usd_per_million_cache_write_tokens",
}


def quoted_price(model: str, at: datetime) -> ModelPrice | None:
    """The price of a model that our file quotes exactly, or None. The same object while the price holds."""
    quote = _exact(model, at.date())
    return (
        None if quote is None else _form(quote.meters_for(0, at), quote.long_context, quote.long_context_above_tokens)
    )


@lru_cache(maxsize=1024)
def _exact(model: str, day: date) -> Quote | None:
    found = (one for one in find_quotes(model, day) if one.high is None)
    return next((one for one in found if one.meters.usd_per_million_input_tokens is not None), None)


@lru_cache(maxsize=256)
def _form(meters: Meters, long: Meters | None, above: int | None) -> ModelPrice:
    prices: dict[str, Any] = {}
    for theirs, ours in _FORM.items():
        base: Decimal | None = getattr(meters, ours)
        higher: Decimal | None = getattr(long, ours) if long else None
        if base is not None:
            tiers = [Tier(start=above or 0, price=higher)] if higher is not None else []
            prices[theirs] = TieredPrices(base=base, tiers=tiers) if tiers else base
    return ModelPrice(**prices)
