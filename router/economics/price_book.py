"""What a model costs by every source that quotes it: the price library first, then our file for what it lacks.

Where the two disagree, both are kept and told apart; nothing is averaged.
"""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from importlib.metadata import version
from typing import Any, Literal

from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

from router.economics.meters import Meters, Quote
from router.economics.price_file import all_quotes, find_quotes, library_names
from router.errors import InputError, UnknownModelError
from router.prices import find_model, nearest_models

Preference = Literal["library", "guide"]
_LIBRARY_METERS = {
    "input_mtok": "usd_per_million_input_tokens",
    "output_mtok": "usd_per_million_output_tokens",
    "cache_read_mtok": "usd_per_million_cached_input_tokens",
    "cache_write_mtok": "usd_per_million_cache_write_tokens",
    "cache_write_1h_mtok": "usd_per_million_cache_write_1h_tokens",
    "input_audio_mtok": "usd_per_million_audio_input_tokens",
    "output_audio_mtok": "usd_per_million_audio_output_tokens",
    "input_image_mtok": "usd_per_million_image_input_tokens",
    "output_image_mtok": "usd_per_million_image_output_tokens",
    "web_searches_kcount": "usd_per_thousand_searches",
    "input_mchars": "usd_per_million_characters",
    "requests_kcount": "usd_per_thousand_requests",
}
_MINUTES_PER_HOUR = 60
_STEP_MINUTES, _STEPS_PER_DAY = 30, 48


def library_quote(model: str, at: datetime) -> Quote | None:
    """The price library's quote of a model on a moment's day, or None where it has no price.

    The meters are those of noon (UTC); where other hours have other prices, they are the quote's off-peak.
    """
    found = find_model(library_names().get(model.lower(), model))
    if found is None:
        return None
    provider, info = found
    noon = at.replace(hour=12, minute=0, second=0, microsecond=0)
    price = info.get_prices(noon)
    meters = _meters(price, None)
    if not meters.known():
        return None
    start = _tier_start(price)
    return Quote(
        provider=provider.id,
        model=info.id,
        source=f"genai-prices {version('genai-prices')}",
        since=None,
        meters=meters,
        long_context_above_tokens=start,
        long_context=None if start is None else _meters(price, start),
        context_tokens=info.context_window,
        **_off_peak(info, noon),
    )


def _off_peak(info: ModelInfo, noon: datetime) -> dict[str, Any]:
    """The hours whose prices are not noon's, and these prices; nothing where all hours are alike."""
    midnight = noon.replace(hour=0)
    steps = [midnight + timedelta(minutes=_STEP_MINUTES * i) for i in range(_STEPS_PER_DAY)]
    usual = _meters(info.get_prices(noon), None)
    other = [_meters(info.get_prices(one), None) != usual for one in steps]
    if not any(other):
        return {}
    start = next(i for i in range(_STEPS_PER_DAY) if other[i] and not other[i - 1])
    end = next(i for i in range(_STEPS_PER_DAY) if not other[i] and other[i - 1])
    meters = _meters(info.get_prices(steps[start]), None)
    return {"off_peak": meters, "off_peak_utc": (steps[start].time(), steps[end].time())}


def quotes(model: str, at: datetime) -> list[Quote]:
    """Every quote of a model at a moment, the library's first. Raises UnknownModelError with the nearest names."""
    own = find_quotes(model, at.date())
    # a bare name that our file knows at one host only is that host's offer
    library = library_quote(model, at) or (library_quote(own[0].name, at) if own else None)
    found = [library, *own] if library else own
    later = [] if found else [one.since for one in find_quotes(model) if one.since]
    if later:
        cure = f"Its first price holds from {min(later)} on."
        raise InputError("at", at.date().isoformat(), f"{model} has no price yet at that date", cure)
    if not found:
        raise UnknownModelError(model, _nearest(model))
    return found


@lru_cache(maxsize=512)
def best_quote(model: str, at: datetime, prefer: Preference = "library") -> Quote:
    """The quote to plan with: the preferred source's, completed by our file where the library has no such meter."""
    found = quotes(model, at)
    own = [one for one in found if not one.source.startswith("genai-prices")]
    if prefer == "guide":
        if not own:
            raise UnknownModelError(model, _nearest(model))
        return own[0]
    best = found[0]
    # an open model at a stranger's host borrows nothing from ours
    if best in own:
        return best
    same = [one for one in own if (theirs := library_quote(one.name, at)) and theirs.name == best.name]
    return _completed(best, same[0]) if same else best


@dataclass(frozen=True)
class Disagreement:
    """One meter of one offer that its sources price differently; USD by source, ranges as (low, high)."""

    model: str
    meter: str
    usd: tuple[tuple[str, Decimal, Decimal], ...]

    @property
    def spread(self) -> Decimal | None:
        """The largest price over the smallest; None where the smallest is zero."""
        low, high = min(one[1] for one in self.usd), max(one[2] for one in self.usd)
        return high / low if low else None


def disagreements(at: datetime) -> list[Disagreement]:
    """Every meter of every offer of our file whose sources differ at a moment, library included."""
    return [one for name in offers() for one in _differing(name, at)]


def offers() -> Sequence[str]:
    """Every `provider/model` of our file, once, in its order."""
    return list(dict.fromkeys(one.name for one in all_quotes()))


def _differing(name: str, at: datetime) -> Iterator[Disagreement]:
    library = library_quote(name, at)
    found = [*([library] if library else []), *find_quotes(name, at.date())]
    priced: dict[str, list[tuple[str, Decimal, Decimal]]] = {}
    for quote in found:
        for meter, low in quote.meters.known().items():
            high = getattr(quote.high, meter) if quote.high else low
            priced.setdefault(meter, []).append((quote.source, low, high))
        for suffix, meters in ((" of long contexts", quote.long_context), (" off-peak", quote.off_peak)):
            for meter, usd in (meters.known() if meters else {}).items():
                priced.setdefault(meter + suffix, []).append((quote.source, usd, usd))
    for meter, said in priced.items():
        if len({one[1:] for one in said}) > 1:
            yield Disagreement(name, meter, tuple(said))


def _completed(quote: Quote, own: Quote) -> Quote:
    """The library's quote with what it cannot say: storage, batch, cache rules; hours and tiers where they fit."""
    extra: dict[str, Any] = {"meters": quote.meters.filled_from(_absolute(own.meters))}
    for name in ("batch_discount", "context_tokens", "min_cache_prefix_tokens", "cache_ttl_seconds"):
        if getattr(quote, name) is None:
            extra[name] = getattr(own, name)
    same = quote.meters.usd_per_million_input_tokens == own.meters.usd_per_million_input_tokens
    if same and quote.long_context is None and own.long_context:
        extra |= {"long_context": own.long_context, "long_context_above_tokens": own.long_context_above_tokens}
    if same and quote.off_peak is None and own.off_peak:
        extra |= {"off_peak": own.off_peak, "off_peak_utc": own.off_peak_utc}
    if extra["meters"] != quote.meters or len(extra) > 1:
        extra["source"] = f"{quote.source}, completed by {own.source}"
    return replace(quote, **extra)


def _absolute(meters: Meters) -> Meters:
    """The meters that stand for themselves. A token price of another source would not fit the library's."""
    kept = {name: usd for name, usd in meters.known().items() if "tokens" not in name or name.endswith("_hour")}
    return Meters(**kept)


def _meters(price: ModelPrice, above: int | None) -> Meters:
    known: dict[str, Decimal] = {}
    for theirs, ours in _LIBRARY_METERS.items():
        usd = _amount(getattr(price, theirs, None), above)
        if usd is not None:
            known[ours] = usd
    for hours in ("input_audio_hours", "audio_hours"):
        usd = _amount(getattr(price, hours, None), above)
        if usd is not None:
            known.setdefault("usd_per_audio_minute", usd / _MINUTES_PER_HOUR)
    return Meters(**known)


def _amount(price: Any, above: int | None) -> Decimal | None:
    if not isinstance(price, TieredPrices):
        return price
    if above is None:
        return price.base
    return next((tier.price for tier in price.tiers if tier.start == above), price.base)


def _tier_start(price: ModelPrice) -> int | None:
    tiers = [one.tiers for one in vars(price).values() if isinstance(one, TieredPrices)]
    return min((tier.start for found in tiers for tier in found), default=None)


def _nearest(model: str) -> list[str]:
    names = [*offers(), *(one.partition("/")[2] for one in offers())]
    near = [*difflib.get_close_matches(model.lower(), names, n=2, cutoff=0.5), *nearest_models(model)]
    return list(dict.fromkeys(near))[:3]
