"""Prices as tables: one model by every source, all models for one request, and where the sources disagree."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from router.catalog import build_specs, with_tiers
from router.economics.meters import Call, Meters, Quote, bill
from router.economics.plan import Cell, Chart, Figure, Plan, Table, money, plain
from router.economics.price_book import best_quote, disagreements, offers, quotes
from router.economics.price_file import guide_name
from router.errors import InputError
from router.prices import Price, PriceBook, now
from router.routes import Route

USUAL = Call(input_tokens=1500, output_tokens=300)
_SHOWN_BARS = 24


def model_table(model: str, at: datetime) -> Plan:
    """Every quote of a model at a moment, meter by meter. Raises UnknownModelError."""
    found = quotes(model, at)
    rows = tuple(row for quote in found for row in _quote_rows(quote))
    best = best_quote(model, at)
    table = Table(f"{model} by source", ("offer", "meter", "USD", "to USD", "since", "source"), rows)
    answer = f"{best.name} at {at:%Y-%m-%d}: {_headline(best)}, by {best.source}."
    others = len({one.source for one in found}) - 1
    notes = (f"{others} more source(s) quote it; all are kept apart. The guide: {guide_name()}.",) if others else ()
    return Plan("prices", f"Prices of {model}", answer, (), (table,), (), notes)


def _headline(quote: Quote) -> str:
    known = quote.meters.known()
    first = ("usd_per_million_input_tokens", "usd_per_million_output_tokens", "usd_per_million_cached_input_tokens")
    told = [
        f"{money(known[name])} {name.removeprefix('usd_per_million_').replace('_', ' ')}"
        for name in first
        if name in known
    ]
    if told:
        return ", ".join(told) + " (per million)"
    return ", ".join(f"{money(usd)} {name.removeprefix('usd_').replace('_', ' ')}" for name, usd in known.items())


def _quote_rows(quote: Quote) -> list[tuple[Cell, ...]]:
    since = quote.since.isoformat() if quote.since else "–"
    rows: list[tuple[Cell, ...]] = []
    groups: list[tuple[str, Meters | None]] = [
        ("", quote.meters),
        (f" above {quote.long_context_above_tokens or 0:,} input tokens", quote.long_context),
        (_hours(quote), quote.off_peak),
    ]
    for suffix, meters in groups:
        for name, usd in (meters.known() if meters else {}).items():
            high = getattr(quote.high, name) if quote.high and not suffix else None
            rows.append(
                (
                    quote.name,
                    name.removeprefix("usd_") + suffix,
                    usd,
                    high if high != usd else None,
                    since,
                    quote.source,
                )
            )
    if quote.batch_discount is not None:
        rows.append(
            (quote.name, "batch discount (share)", None, f"{100 * quote.batch_discount:.0f} %", since, quote.source)
        )
    return rows


def _hours(quote: Quote) -> str:
    return "" if quote.off_peak_utc is None else " from {:%H:%M} to {:%H:%M} UTC".format(*quote.off_peak_utc)


def shape_table(call: Call = USUAL, at: datetime | None = None, models: Sequence[str] = ()) -> Plan:
    """All offers of our file (or the named models) for one call, cheapest first, with tier and spread."""
    moment = at or now()
    priced: list[tuple[str, Decimal, Quote]] = []
    for name in models or offers():
        quote = best_quote(name, moment)
        try:
            priced.append((name, bill(quote, call, moment).usd, quote))
        except InputError:  # an offer without the meters of this call: images, speech, searches
            if models:
                raise
    priced.sort(key=lambda one: (one[1], one[0]))
    cheapest = next((usd for _, usd, _ in priced if usd), Decimal(0))
    rows = tuple(
        (
            name,
            _tier(quote),
            usd,
            _high(quote, call),
            1000 * usd,
            usd / cheapest if cheapest else None,
            _short(quote.source),
        )
        for name, usd, quote in priced
    )
    shape = f"{call.input_tokens:,} in / {call.output_tokens:,} out"
    table = Table(
        f"One call of {shape}", ("model", "tier", "USD", "to USD", "USD per 1,000", "× cheapest", "source"), rows
    )
    dearest = priced[-1]
    answer = (
        f"A call of {shape} costs from {money(cheapest)} to {money(dearest[1])} ({dearest[0]}): a spread of "
        f"{plain(dearest[1] / cheapest if cheapest else 0, 3)}×."
    )
    bars = priced[:: -(-len(priced) // _SHOWN_BARS)]
    chart = Chart(
        f"One call of {shape}",
        "bars",
        tuple(n for n, _, _ in bars),
        (("USD", tuple(float(u) for _, u, _ in bars)),),
        "USD",
    )
    return Plan("prices", "Prices by model", answer, (Figure("models", len(rows)),), (table,), (chart,))


def disagreement_table(at: datetime) -> Plan:
    """Where the sources price the same meter of the same offer differently at a moment, widest first."""
    found = sorted(disagreements(at), key=lambda one: -(one.spread or Decimal(10**6)))
    rows: list[tuple[Cell, ...]] = []
    for one in found:
        for source, low, high in one.usd:
            rows.append(
                (one.model, one.meter.removeprefix("usd_"), low, high if high != low else None, one.spread, source)
            )
    table = Table("Both are kept", ("offer", "meter", "USD", "to USD", "spread ×", "source"), tuple(rows))
    models = len({one.model for one in found})
    answer = f"The sources disagree on {len(found)} meters of {models} offers at {at:%Y-%m-%d}."
    return Plan("prices", "Disagreements", answer, (), (table,), (), (f"The guide: {guide_name()}.",))


def _high(quote: Quote, call: Call) -> Decimal | None:
    """The upper end where the source gives a range."""
    return bill(replace(quote, meters=quote.high), call).usd if quote.high else None


def _tier(quote: Quote) -> str:
    route = Route(quote.model, "default")
    meters = quote.meters_for(USUAL.input_tokens)
    price = Price(
        quote.source,
        usd_per_million_input_tokens=meters.usd_per_million_input_tokens or Decimal(0),
        usd_per_million_output_tokens=meters.usd_per_million_output_tokens or Decimal(0),
    )
    return with_tiers(build_specs([route]), PriceBook({route: price}), now())[route].tier or "–"


def _short(source: str) -> str:
    return source.partition(", completed by ")[0]
