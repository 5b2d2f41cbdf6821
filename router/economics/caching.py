"""Whether a prompt cache pays: break-even reads, writes a day, the right TTL, and what is saved.

A write costs its meter (Anthropic: 1.25 times the input price for 5 minutes, twice for an hour; elsewhere the input
price), a read the cached price, holding the storage price where a provider charges for it (Google).
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from pydantic import Field

from router.economics.inputs import DAYS_PER_YEAR, MILLION, Amount, Count, Inputs, Tokens, refuse
from router.economics.meters import Meters, Quote, cached_price, write_price
from router.errors import InputError

Ttl = Literal["5m", "1h"]
TTL_SECONDS: dict[Ttl, int] = {"5m": 300, "1h": 3600}
_SECONDS_PER_DAY = 86_400
_HOURS_PER_DAY = 24


class CachedPrompt(Inputs):
    """A prefix that calls share, and how often they come.

    How many of the calls write is given (`writes_per_day`, or `reads_per_write`) or follows from the traffic: arrivals
    at random (Poisson), or `even`ly spaced, against a TTL that every use renews.
    """

    prefix_tokens: Tokens = Field(gt=0)
    fresh_input_tokens: Tokens = 0
    output_tokens: Tokens = 0
    calls_per_day: Count = Field(gt=0)
    ttl: Ttl = "5m"
    arrivals: Literal["random", "even"] = "random"
    writes_per_day: Amount | None = None
    reads_per_write: Amount | None = None
    stored_hours_per_day: Decimal = Field(default=Decimal(_HOURS_PER_DAY), ge=0, le=_HOURS_PER_DAY)

    def model_post_init(self, context: object) -> None:
        if self.writes_per_day is not None and self.reads_per_write is not None:
            raise refuse("writes_per_day", self.writes_per_day, "stated besides reads_per_write", "Give one of them.")
        if self.writes_per_day is not None and not 0 < self.writes_per_day <= self.calls_per_day:
            cure = f"Give more than 0 and at most calls_per_day ({self.calls_per_day}): a read needs a write."
            raise refuse("writes_per_day", self.writes_per_day, "reads without writes, or writes without calls", cure)

    def writes(self) -> Decimal:
        """Expected cache writes a day; every other call reads."""
        if self.writes_per_day is not None:
            return self.writes_per_day
        if self.reads_per_write is not None:
            return self.calls_per_day / (1 + self.reads_per_write)
        return expected_writes(Decimal(self.calls_per_day), TTL_SECONDS[self.ttl], self.arrivals)


@dataclass(frozen=True)
class CacheSaving:
    """USD per day and year with and without the cache. `saved_share` is of the whole bill, outputs included."""

    writes_per_day: Decimal
    reads_per_day: Decimal
    usd_per_day_without: Decimal
    usd_per_day_with: Decimal
    write_usd_per_day: Decimal
    read_usd_per_day: Decimal
    storage_usd_per_day: Decimal
    usd_per_write_call: Decimal
    usd_per_read_call: Decimal

    @property
    def saved_usd_per_day(self) -> Decimal:
        return self.usd_per_day_without - self.usd_per_day_with

    @property
    def saved_usd_per_year(self) -> Decimal:
        return self.saved_usd_per_day * DAYS_PER_YEAR

    @property
    def saved_share(self) -> Decimal:
        return self.saved_usd_per_day / self.usd_per_day_without if self.usd_per_day_without else Decimal(0)


def cache_saving(quote: Quote, prompt: CachedPrompt) -> CacheSaving:
    """What the cache costs and saves. Raises InputError where there is no such cache, or the prefix is too short."""
    least = quote.min_cache_prefix_tokens or 0
    if prompt.prefix_tokens < least:
        cure = f"{quote.name} caches from {least} tokens on."
        raise InputError("prefix_tokens", prompt.prefix_tokens, "shorter than what is cached", cure)
    meters = quote.meters_for(prompt.prefix_tokens + prompt.fresh_input_tokens)
    plain, write, read = _prices(quote, meters, prompt.ttl)
    fresh_usd = prompt.fresh_input_tokens * plain / MILLION
    output_usd = prompt.output_tokens * (meters.usd_per_million_output_tokens or Decimal(0)) / MILLION
    prefix = prompt.prefix_tokens / MILLION
    writes = prompt.writes()
    reads = prompt.calls_per_day - writes
    storage = prefix * (meters.usd_per_million_cached_tokens_hour or Decimal(0)) * prompt.stored_hours_per_day
    rest = (fresh_usd + output_usd) * prompt.calls_per_day
    return CacheSaving(
        writes_per_day=writes,
        reads_per_day=reads,
        usd_per_day_without=prefix * plain * prompt.calls_per_day + rest,
        usd_per_day_with=prefix * (writes * write + reads * read) + storage + rest,
        write_usd_per_day=prefix * writes * write,
        read_usd_per_day=prefix * reads * read,
        storage_usd_per_day=storage,
        usd_per_write_call=prefix * write + fresh_usd,
        usd_per_read_call=prefix * read + fresh_usd,
    )


def break_even_reads(quote: Quote, ttl: Ttl = "5m", held_hours: Decimal = Decimal(0)) -> Decimal:
    """Reads per write from which caching is cheaper: (write + storage − input) ÷ (input − read), never below 0."""
    plain, write, read = _prices(quote, quote.meters, ttl)
    storage = (quote.meters.usd_per_million_cached_tokens_hour or Decimal(0)) * held_hours
    if read >= plain:
        raise InputError("cached_input", read, "a read is no cheaper than the input", "No number of reads pays.")
    return max(Decimal(0), (write + storage - plain) / (plain - read))


@dataclass(frozen=True)
class TtlChoice:
    """USD per hour for the prefix alone under each TTL, and the cheaper one."""

    usd_per_hour: dict[Ttl, Decimal]
    best: Ttl


def best_ttl(quote: Quote, prefix_tokens: int, calls_per_hour: Decimal, arrivals: str = "random") -> TtlChoice:
    """Which TTL is cheaper at this traffic, when every use renews it."""
    usd: dict[Ttl, Decimal] = {}
    for ttl, seconds in TTL_SECONDS.items():
        _, write, read = _prices(quote, quote.meters, ttl)
        writes = expected_writes(calls_per_hour * _HOURS_PER_DAY, seconds, arrivals) / _HOURS_PER_DAY
        usd[ttl] = prefix_tokens / MILLION * (writes * write + (calls_per_hour - writes) * read)
    return TtlChoice(usd, min(usd, key=lambda one: usd[one]))


def expected_writes(calls_per_day: Decimal, ttl_seconds: int, arrivals: str) -> Decimal:
    """Calls a day that find the cache cold, at least one.

    Random arrivals: P(no call within the TTL) = exp(−rate × TTL). Even ones: none or all.
    """
    gap_seconds = _SECONDS_PER_DAY / calls_per_day
    if arrivals == "even":
        return calls_per_day if gap_seconds >= ttl_seconds else Decimal(1)
    return max(Decimal(1), calls_per_day * (-Decimal(ttl_seconds) / gap_seconds).exp())


def _prices(quote: Quote, meters: Meters, ttl: Ttl) -> tuple[Decimal, Decimal, Decimal]:
    """(input, write, read) in USD per million tokens."""
    plain, read = meters.usd_per_million_input_tokens, cached_price(quote, meters)
    write = write_price(meters, hour=ttl == "1h" and meters.usd_per_million_cache_write_tokens is not None)
    if plain is None or read is None or write is None:
        raise InputError("model", quote.name, f"no prompt cache of TTL {ttl} is priced", "Choose a model that caches.")
    return plain, write, read
