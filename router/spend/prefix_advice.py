"""What prefix caching is worth to a tenant, and what would make it worth more. Arithmetic on sums of turns.

Prices are those of explicit caches (Anthropic's): a write costs more than fresh input, a read a tenth. Where a provider
caches by itself and writes are free, advice about writes does not arise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from genai_prices.types import TieredPrices
from sqlalchemy import Connection, func, select

from router.errors import UnknownModelError
from router.prices import library_price
from router.spend.ledger_tables import calls
from router.spend.prefix_cache import CAUSES
from router.spend.query import SpendAsk, within


@dataclass(frozen=True)
class PrefixPrices:
    """USD per token: fresh input, cached read, writes for five minutes and an hour (0: not billed apart)."""

    fresh: float
    read: float
    write_5m: float = 0.0
    write_1h: float = 0.0


def prefix_prices(model: str, at: datetime) -> PrefixPrices:
    """The library's prices of a model; all nothing where it has none, and so no advice."""
    try:
        price = library_price(model, at)
    except UnknownModelError:
        return PrefixPrices(0.0, 0.0)
    fresh = _per_token(price.input_mtok)
    read = _per_token(price.cache_read_mtok) if price.cache_read_mtok is not None else fresh
    return PrefixPrices(fresh, read, _per_token(price.cache_write_mtok), _per_token(price.cache_write_1h_mtok))


def _per_token(price: Any) -> float:
    return float((price.base if isinstance(price, TieredPrices) else price) or 0) / 1e6


@dataclass(frozen=True)
class PrefixSums:
    """Of turns with one cause: how many, their input tokens, those read from and written to the provider's cache, and
    those that could have been read had the prefix been reusable (`reusable`, estimated from characters)."""

    turns: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    written_tokens: int = 0
    reusable: float = 0.0


@dataclass(frozen=True)
class Advice:
    """One thing to do, and the USD that it would have saved in the period, as estimated."""

    what: str
    usd: float
    why: str


@dataclass(frozen=True)
class PrefixReport:
    """One tenant and model. `hit_rate` is cached tokens over input tokens; `causes` has the turns by cause."""

    tenant: str
    model: str
    hit_rate: float
    causes: Mapping[str, PrefixSums]
    advice: tuple[Advice, ...] = ()


def read_prefix_sums(connection: Connection, ask: SpendAsk) -> dict[tuple[str, str], dict[str, PrefixSums]]:
    """Sums by tenant and model, then by cause, of the calls of a period that have been reported."""
    tokens = func.coalesce(calls.c.input_tokens, 0)
    asked = (
        select(
            calls.c.tenant,
            calls.c.model,
            calls.c.prefix,
            func.count(),
            func.sum(tokens),
            func.sum(func.coalesce(calls.c.cached_input_tokens, 0)),
            func.sum(func.coalesce(calls.c.cache_write_tokens, 0)),
            func.sum(tokens * func.coalesce(calls.c.prefix_share, 0.0)),
        )
        .where(*within(ask), calls.c.state == "settled", calls.c.prefix.is_not(None))
        .group_by(calls.c.tenant, calls.c.model, calls.c.prefix)
    )
    found: dict[tuple[str, str], dict[str, PrefixSums]] = {}
    for tenant, model, cause, turns, given, cached, written, reusable in connection.execute(asked):
        sums = PrefixSums(turns, int(given), int(cached), int(written), float(reusable))
        found.setdefault((tenant, model), {})[cause] = sums
    return found


def advise(tenant: str, model: str, sums: Mapping[str, PrefixSums], prices: PrefixPrices) -> PrefixReport:
    """The tenant's hit rate by cause, and what would have saved most first."""
    given = sum(one.input_tokens for one in sums.values())
    cached = sum(one.cached_tokens for one in sums.values())
    found = [one for one in _advice(sums, prices) if one.usd > 0]
    causes = {cause: sums[cause] for cause in CAUSES if cause in sums}
    advice = tuple(sorted(found, key=lambda one: -one.usd))
    return PrefixReport(tenant, model, cached / given if given else 0.0, causes, advice)


def _advice(sums: Mapping[str, PrefixSums], prices: PrefixPrices) -> list[Advice]:
    def of(cause: str) -> PrefixSums:
        return sums.get(cause, PrefixSums())

    def lost(cause: str) -> float:
        return max(of(cause).reusable - of(cause).cached_tokens, 0.0)

    discount = prices.fresh - prices.read
    rewritten = (prices.write_5m or prices.fresh) - prices.read
    volatile, switched = of("volatile"), of("switched")
    return [
        Advice(
            "move the timestamp, counter or id out of the prefix, to the end of the prompt",
            lost("volatile") * discount,
            f"in {volatile.turns} turns only dates, numbers or ids changed before the first new word",
        ),
        Advice(
            "keep a session on one model while its cache lives",
            lost("switched") * discount,
            f"{switched.turns} turns changed the model of a session",
        ),
        _one_hour(list(sums.values()), of("expired"), lost("expired"), rewritten, prices),
        _stop_writing(list(sums.values()), prices),
    ]


def _one_hour(
    every: Sequence[PrefixSums], expired: PrefixSums, lost: float, rewritten: float, prices: PrefixPrices
) -> Advice:
    """Tokens that expired would have been read; what is still written costs the hour's price."""
    written = max(sum(one.written_tokens for one in every) - lost, 0.0)
    usd = lost * rewritten - written * (prices.write_1h - prices.write_5m) if prices.write_1h else 0.0
    return Advice("use the 1-hour cache", usd, f"{expired.turns} turns came after 5 minutes and within the hour")


def _stop_writing(every: Sequence[PrefixSums], prices: PrefixPrices) -> Advice:
    """Writes pay when what is read saves more than what is written costs above fresh input."""
    written, read = sum(one.written_tokens for one in every), sum(one.cached_tokens for one in every)
    usd = written * (prices.write_5m - prices.fresh) - read * (prices.fresh - prices.read) if prices.write_5m else 0.0
    said = f"{read / written:.2f} tokens are read per token written" if written else "nothing is written"
    return Advice("stop writing to the cache: reads per write are too few to pay for it", usd, said)
