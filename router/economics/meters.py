"""The meters of one model at one host: every price that a call may run up, and what a call costs by them.

Knows neither where prices come from nor which model is meant. Sources of the rules: the providers' price pages as the
price library and the guide quote them. A long-context price applies to the whole call, as Google and OpenAI bill it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, time
from decimal import Decimal

from router.economics.inputs import MILLION, Amount, Inputs, Tokens, refuse
from router.errors import InputError


@dataclass(frozen=True)
class Meters:
    """Prices in USD; None is: this meter does not exist, or is not known."""

    usd_per_million_input_tokens: Decimal | None = None
    usd_per_million_output_tokens: Decimal | None = None
    usd_per_million_cached_input_tokens: Decimal | None = None
    usd_per_million_cache_write_tokens: Decimal | None = None
    usd_per_million_cache_write_1h_tokens: Decimal | None = None
    usd_per_million_cached_tokens_hour: Decimal | None = None
    usd_per_million_audio_input_tokens: Decimal | None = None
    usd_per_million_audio_output_tokens: Decimal | None = None
    usd_per_million_image_input_tokens: Decimal | None = None
    usd_per_million_image_output_tokens: Decimal | None = None
    usd_per_million_characters: Decimal | None = None
    usd_per_image: Decimal | None = None
    usd_per_video_second: Decimal | None = None
    usd_per_audio_minute: Decimal | None = None
    usd_per_spoken_minute: Decimal | None = None
    usd_per_thousand_searches: Decimal | None = None
    usd_per_thousand_requests: Decimal | None = None

    def known(self) -> dict[str, Decimal]:
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name)) is not None}

    def filled_from(self, other: "Meters") -> "Meters":
        """These meters, and the other's where these have none."""
        return replace(other, **self.known())


@dataclass(frozen=True)
class Quote:
    """What one source says that one model at one host costs, from a day on.

    `high` holds the upper ends where the source gives ranges; `meters` holds the lower ends then.
    """

    provider: str
    model: str
    source: str
    since: date | None
    meters: Meters
    high: Meters | None = None
    long_context_above_tokens: int | None = None
    long_context: Meters | None = None
    off_peak_utc: tuple[time, time] | None = None
    off_peak: Meters | None = None
    batch_discount: Decimal | None = None
    context_tokens: int | None = None
    min_cache_prefix_tokens: int | None = None
    cache_ttl_seconds: int | None = None
    cached_share_of_input: Decimal | None = None

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.model}"

    def meters_for(self, input_tokens: int = 0, at: datetime | None = None) -> Meters:
        """The meters of a call with this many input tokens at a moment."""
        meters = self.meters
        if self.long_context and input_tokens > (self.long_context_above_tokens or 0):
            meters = self.long_context.filled_from(meters)
        if self.off_peak and at and self.off_peak_utc and _within(at.time(), *self.off_peak_utc):
            meters = self.off_peak.filled_from(meters)
        return meters


class Call(Inputs):
    """What one call uses. Input includes what is read from and written to a prompt cache; output is what is seen,
    thinking is billed as output besides."""

    input_tokens: Tokens = 0
    cached_input_tokens: Tokens = 0
    cache_write_tokens: Tokens = 0
    cache_write_1h_tokens: Tokens = 0
    output_tokens: Tokens = 0
    thinking_tokens: Amount = Decimal(0)
    audio_input_tokens: Tokens = 0
    audio_output_tokens: Tokens = 0
    image_output_tokens: Tokens = 0
    characters: Tokens = 0
    images: Amount = Decimal(0)
    video_seconds: Amount = Decimal(0)
    audio_minutes: Amount = Decimal(0)
    spoken_minutes: Amount = Decimal(0)
    searches: Amount = Decimal(0)

    def model_post_init(self, context: object) -> None:
        cached = self.cached_input_tokens + self.cache_write_tokens + self.cache_write_1h_tokens
        if cached > self.input_tokens:
            cure = f"Count them in input_tokens too: at least {cached}."
            raise refuse("cached_input_tokens", cached, "more tokens read and written than were put in", cure)


@dataclass(frozen=True)
class Bill:
    """What a call costs, and by which meter."""

    usd: Decimal
    parts: Mapping[str, Decimal] = field(default_factory=dict)


def bill(quote: Quote, call: Call, at: datetime | None = None, batch: bool = False) -> Bill:
    """The exact cost of a call. Raises InputError for a meter that the quote does not have.

    >>> from decimal import Decimal as D
    >>> quote = Quote("p", "m", "s", None, Meters(D(3), D(15)))
    >>> bill(quote, Call(input_tokens=1500, output_tokens=300)).usd
    Decimal('0.009')
    """
    meters = quote.meters_for(call.input_tokens, at)
    discount = 1 - _batch_discount(quote) if batch else Decimal(1)
    parts = {name: usd * discount for name, usd in _parts(quote, meters, call).items() if usd}
    return Bill(sum(parts.values(), Decimal(0)), parts)


def _parts(quote: Quote, meters: Meters, call: Call) -> dict[str, Decimal]:
    cached, written, held = call.cached_input_tokens, call.cache_write_tokens, call.cache_write_1h_tokens
    used: dict[str, tuple[Decimal | None, Decimal | int]] = {
        "input": (meters.usd_per_million_input_tokens, call.input_tokens - cached - written - held),
        "cached_input": (cached_price(quote, meters), cached),
        "cache_write": (write_price(meters), written),
        "cache_write_1h": (write_price(meters, hour=True), held),
        "output": (meters.usd_per_million_output_tokens, call.output_tokens),
        "thinking": (meters.usd_per_million_output_tokens, call.thinking_tokens),
        "audio_input": (meters.usd_per_million_audio_input_tokens, call.audio_input_tokens),
        "audio_output": (meters.usd_per_million_audio_output_tokens, call.audio_output_tokens),
        "image_output": (meters.usd_per_million_image_output_tokens, call.image_output_tokens),
        "characters": (meters.usd_per_million_characters, call.characters),
    }
    parts = {name: _priced(quote, name, usd, amount) / MILLION for name, (usd, amount) in used.items()}
    parts["images"] = _priced(quote, "images", meters.usd_per_image, call.images)
    parts["video"] = _priced(quote, "video_seconds", meters.usd_per_video_second, call.video_seconds)
    parts["audio_minutes"] = _priced(quote, "audio_minutes", meters.usd_per_audio_minute, call.audio_minutes)
    parts["spoken_minutes"] = _priced(quote, "spoken_minutes", meters.usd_per_spoken_minute, call.spoken_minutes)
    parts["searches"] = _priced(quote, "searches", meters.usd_per_thousand_searches, call.searches) / 1000
    parts["requests"] = (meters.usd_per_thousand_requests or Decimal(0)) / 1000
    return parts


def _priced(quote: Quote, name: str, usd: Decimal | None, amount: Decimal | int) -> Decimal:
    if not amount:
        return Decimal(0)
    if usd is None:
        raise InputError(name, amount, f"{quote.name} has no such meter by {quote.source}", "Give the price yourself.")
    return usd * amount


def cached_price(quote: Quote, meters: Meters) -> Decimal | None:
    """USD per million cached input tokens: the meter, else the provider's usual share of the input price."""
    if meters.usd_per_million_cached_input_tokens is not None:
        return meters.usd_per_million_cached_input_tokens
    if quote.cached_share_of_input is None or meters.usd_per_million_input_tokens is None:
        return None
    return meters.usd_per_million_input_tokens * quote.cached_share_of_input


def write_price(meters: Meters, hour: bool = False) -> Decimal | None:
    """USD per million tokens written into a cache. Without a write meter, a write is an ordinary read of the input."""
    if hour:
        return meters.usd_per_million_cache_write_1h_tokens
    if meters.usd_per_million_cache_write_tokens is not None:
        return meters.usd_per_million_cache_write_tokens
    return meters.usd_per_million_input_tokens


def _batch_discount(quote: Quote) -> Decimal:
    if quote.batch_discount is None:
        raise InputError("batch", quote.name, "no batch price is known for it", "Give batch_discount yourself.")
    return quote.batch_discount


def _within(moment: time, start: time, end: time) -> bool:
    return start <= moment < end if start < end else moment >= start or moment < end
