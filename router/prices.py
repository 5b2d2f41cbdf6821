"""What usage costs at a date. Prices come from a routes file, from genai-prices, or from what the labels were billed.

Two readings of one price: `usd` is exact (decimals) and is for money that was or will be billed; `Rates` holds the same
numbers as floats for the estimates that a decision compares. Knows nothing of quality.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices

from router.economics.library_form import quoted_price
from router.errors import UnknownModelError
from router.meters import PLAIN, TIER_FACTORS, Meters
from router.routes import Route

MILLION = Decimal(1_000_000)
PROVIDERS_FIRST = ("openai", "anthropic", "google", "deepseek", "mistral", "x-ai", "together", "groq", "fireworks")


@dataclass(frozen=True)
class Usage:
    """Tokens of one call. Output includes the reasoning tokens; input includes the cached ones."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0
    meters: Meters = PLAIN


@dataclass(frozen=True)
class Price:
    """The price of one route where the library's is not used, in USD. Unset token prices count as zero."""

    source: str
    usd_per_query: Decimal = Decimal(0)
    usd_per_million_input_tokens: Decimal = Decimal(0)
    usd_per_million_output_tokens: Decimal = Decimal(0)
    usd_per_million_cached_input_tokens: Decimal | None = None

    def usd(self, usage: Usage) -> Decimal:
        cached_price = self.usd_per_million_cached_input_tokens
        if cached_price is None:
            cached_price = self.usd_per_million_input_tokens
        fresh = usage.input_tokens - usage.cached_input_tokens
        tokens = fresh * self.usd_per_million_input_tokens + usage.output_tokens * self.usd_per_million_output_tokens
        return self.usd_per_query + (tokens + usage.cached_input_tokens * cached_price) / MILLION


@dataclass(frozen=True)
class Rates:
    """One route's price as floats: USD per call, and USD per token by tier of the call's input tokens.

    `starts` are the input tokens from which a tier applies to the whole call; the first is 0. `cached`, `image` and
    `audio` are what an input token costs that the provider reads from its cache, or that is of a picture or sound.
    """

    per_query: float
    starts: np.ndarray = field(repr=False)
    input: np.ndarray = field(repr=False)
    output: np.ndarray = field(repr=False)
    cached: np.ndarray = field(repr=False)
    image: np.ndarray = field(repr=False)
    audio: np.ndarray = field(repr=False)

    def usd(self, input_tokens: np.ndarray, output_tokens: np.ndarray) -> np.ndarray:
        """Estimated USD of calls with these token counts (same shape in, same shape out)."""
        if len(self.starts) == 1:
            return self.per_query + input_tokens * self.input[0] + output_tokens * self.output[0]
        tier = np.maximum(np.searchsorted(self.starts, input_tokens, side="right") - 1, 0)
        return self.per_query + input_tokens * self.input[tier] + output_tokens * self.output[tier]

    def call_usd(self, tokens: "CallTokens") -> float:
        """Estimated USD of one call whose input is not all fresh text; the same as `usd` where it is."""
        tier = max(int(np.searchsorted(self.starts, tokens.input, side="right")) - 1, 0)
        fresh = tokens.input - tokens.cached - tokens.image - tokens.audio
        apart = tokens.cached * self.cached[tier] + tokens.image * self.image[tier] + tokens.audio * self.audio[tier]
        return float(self.per_query + fresh * self.input[tier] + tokens.output * self.output[tier] + apart)


class CallTokens(NamedTuple):
    """Expected tokens of one call. `cached`, `image` and `audio` are parts of `input` that do not overlap."""

    input: float
    output: float
    cached: float = 0.0
    image: float = 0.0
    audio: float = 0.0


class PriceBook:
    """Prices of routes: `given` first (routes file, or what the labels were billed), then the library.

    Decisions depend on the book and the moment only, so a changed price changes them at once.
    """

    def __init__(self, given: Mapping[Route, Price] | None = None) -> None:
        self.given = dict(given or {})
        # by identity, the price kept beside its rates: the library hands out the same object while a price holds
        self._rates: dict[int, tuple[ModelPrice | Price, Rates]] = {}

    def usd(self, route: Route, usage: Usage, at: datetime) -> Decimal:
        """Exact USD of one call at a moment. Raises UnknownModelError."""
        own, meters = self.given.get(route), usage.meters
        if own is not None:
            return own.usd(usage) * self.tier_factor(route, meters.service_tier)
        price = library_price(route.model, at)
        listed = price.calc_price(
            meters.in_library_words(
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                cache_read_tokens=usage.cached_input_tokens,
            )
        )["total_price"]
        if meters == PLAIN:
            return listed
        return listed * self.tier_factor(route, meters.service_tier) + meters.storage_usd(route.model)

    def tier_factor(self, route: Route, service_tier: str) -> Decimal:
        """What a service tier does to the price of a route."""
        if service_tier == PLAIN.service_tier:
            return Decimal(1)
        found = find_model(route.model)
        return TIER_FACTORS.get((found[0].id if found else "", service_tier), Decimal(1))

    def rates(self, route: Route, at: datetime) -> Rates:
        """The same price as floats. Raises UnknownModelError."""
        own = self.given.get(route)
        return self._rates_of(library_price(route.model, at) if own is None else own)

    def _rates_of(self, price: ModelPrice | Price) -> Rates:
        known = self._rates.get(id(price))
        if known is None:
            read = _own_rates(price) if isinstance(price, Price) else _library_rates(price)
            known = self._rates[id(price)] = price, read
        return known[1]

    def source(self, route: Route) -> str:
        own = self.given.get(route)
        if own is not None:
            return own.source
        return "genai-prices" if find_model(route.model) else "quoted prices"


def now() -> datetime:
    return datetime.now(tz=UTC)


def library_price(model: str, at: datetime) -> ModelPrice:
    """The library's price of a model at a moment, else the one our own file quotes. Raises UnknownModelError with the
    nearest known names."""
    found = find_model(model)
    if found is None:
        quoted = quoted_price(model, at)
        if quoted is None:
            raise UnknownModelError(model, nearest_models(model))
        return quoted
    price = found[1].get_prices(at)
    if price.input_mtok is None and price.output_mtok is None and price.requests_kcount is None:
        raise UnknownModelError(model, nearest_models(model))
    return price


@lru_cache(maxsize=4096)
def find_model(model: str) -> tuple[Provider, ModelInfo] | None:
    """The library's entry for a model name, or None. `provider/model` names the provider.

    A name that its maker does not price itself (an open model, say) is looked for at every host, best-known first.
    """
    snapshot = get_snapshot()
    provider, _, name = model.partition("/")
    attempts: list[tuple[str, str | None]] = [(model, None)]
    if name:
        attempts.append((name, provider))
    for ref, provider_id in attempts:
        try:
            return snapshot.find_provider_model(ref, None, provider_id, None)
        except LookupError:
            continue
    return _at_any_host(model.lower(), snapshot.providers)


def _at_any_host(model: str, providers: list[Provider]) -> tuple[Provider, ModelInfo] | None:
    order = {name: rank for rank, name in enumerate(PROVIDERS_FIRST)}
    for provider in sorted(providers, key=lambda one: (order.get(one.id, len(order)), one.id)):
        info = provider.find_model(model)
        if info is not None:
            return provider, info
    return None


@lru_cache(maxsize=1)
def known_models() -> tuple[str, ...]:
    return tuple(sorted({info.id for provider in get_snapshot().providers for info in provider.models}))


def nearest_models(model: str, count: int = 3) -> list[str]:
    """Known names closest in spelling, for an error message."""
    name = model.lower()
    close = difflib.get_close_matches(name, known_models(), n=count, cutoff=0.5)
    return close or difflib.get_close_matches(name.rpartition("/")[2], known_models(), n=count, cutoff=0.4)


def _own_rates(price: Price) -> Rates:
    given = np.array([float(price.usd_per_million_input_tokens / MILLION)])
    cached = price.usd_per_million_cached_input_tokens
    return Rates(
        per_query=float(price.usd_per_query),
        starts=np.zeros(1),
        input=given,
        output=np.array([float(price.usd_per_million_output_tokens / MILLION)]),
        cached=given if cached is None else np.array([float(cached / MILLION)]),
        image=given,
        audio=given,
    )


def rates_table(rates: Sequence[Rates]) -> np.ndarray | None:
    """USD per call, per input and per output token, (3, R), where no route has tiers; else None."""
    if any(len(one.starts) > 1 for one in rates):
        return None
    return np.array([[one.per_query, one.input[0], one.output[0]] for one in rates]).T


def _library_rates(price: ModelPrice) -> Rates:
    given, made = price.input_mtok, price.output_mtok
    # what has no price of its own costs what plain input does
    cached, image, audio = (
        given if one is None else one for one in (price.cache_read_mtok, price.input_image_mtok, price.input_audio_mtok)
    )
    fields = (given, made, cached, image, audio)
    starts = sorted({0, *(tier.start for one in fields if isinstance(one, TieredPrices) for tier in one.tiers)})
    by_tier = [np.array([_per_token(one, start) for start in starts]) for one in fields]
    per_call = price.requests_kcount
    return Rates(
        0.0 if per_call is None or isinstance(per_call, TieredPrices) else float(per_call) / 1000,
        # a tier applies above its start, hence the + 1 on every start but the first
        np.array([start + 1 if start else 0 for start in starts], dtype=np.float64),
        *by_tier,
    )


def _per_token(price: Any, start: int) -> float:
    if isinstance(price, TieredPrices):
        applied = [tier.price for tier in sorted(price.tiers, key=lambda one: one.start) if tier.start <= start]
        price = applied[-1] if start and applied else price.base
    return float((price or Decimal(0)) / MILLION)
