"""The model of a scenario: by name at a date, by the guide, or with prices typed in."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from pydantic import BeforeValidator

from router.economics.inputs import Inputs, Share, Tokens, Usd, refuse
from router.economics.meters import Meters, Quote
from router.economics.price_book import Preference, best_quote


class Priced(Inputs):
    """A model's prices. Typed prices win over looked-up ones; without a name, input and output must be typed."""

    name: str | None = None
    prices: Preference = "library"
    at: datetime | date | None = None
    usd_per_million_input_tokens: Usd | None = None
    usd_per_million_output_tokens: Usd | None = None
    usd_per_million_cached_input_tokens: Usd | None = None
    usd_per_million_cache_write_tokens: Usd | None = None
    usd_per_million_cache_write_1h_tokens: Usd | None = None
    usd_per_million_cached_tokens_hour: Usd | None = None
    batch_discount: Share | None = None
    min_cache_prefix_tokens: Tokens | None = None

    def model_post_init(self, context: object) -> None:
        if self.name is None and self.usd_per_million_input_tokens is None:
            raise refuse("name", None, "neither a model nor a price is given", "Name a model, or type its prices.")

    @property
    def moment(self) -> datetime:
        """The moment whose prices count; without one, the start of today, so that a day's plans agree."""
        given = self.at or datetime.now(tz=UTC).date()
        if not isinstance(given, datetime):
            return datetime.combine(given, time(12), tzinfo=UTC)
        return given if given.tzinfo else given.replace(tzinfo=UTC)

    def quote(self) -> Quote:
        """The prices to plan with. Raises UnknownModelError with the nearest names."""
        typed = Meters(**{name: value for name, value in self if name in Meters.__dataclass_fields__})
        facts: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("batch_discount", "min_cache_prefix_tokens")
            if getattr(self, name) is not None
        }
        if self.name is None:
            return Quote("typed", "prices", "typed in", None, typed, **facts)
        found = best_quote(self.name, self.moment, self.prices)
        if not typed.known():
            return replace(found, **facts)
        meters = typed.filled_from(found.meters)
        return replace(found, meters=meters, source=f"typed in, the rest from {found.source}", **facts)


def _from_name(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


# a scenario may write model = "name" for [model] name = "name"
Model = Annotated[Priced, BeforeValidator(_from_name)]


def source_note(quote: Quote) -> str:
    """Where the prices of a plan come from, in a line."""
    meters = quote.meters
    known = (meters.usd_per_million_input_tokens, meters.usd_per_million_output_tokens)
    said = " in / ".join(f"${usd}" for usd in known if usd is not None)
    return f"{quote.name}: {said} out per million tokens ({quote.source})" if said else f"{quote.name} ({quote.source})"
