"""What is known of a route besides its quality: tier, limits, capabilities, own price. Reads the routes file.

A routes file is TOML. A key without an effort speaks for every effort of that model:

    [routes."gpt-4o|none"]
    tier = "standard"               # economy, standard, frontier, reasoning; default: by price
    max_output_tokens = 800         # the largest cap ever asked for
    context_window = 128000         # tokens
    vision = true                   # also: audio, tools, json
    seconds = 2.5                   # of a usual call, where the labels do not tell
    samples = 3                     # calls that evidence by agreement takes

    [routes."our-own-70b"]
    usd_per_million_input_tokens = 0.4
    usd_per_million_output_tokens = 0.4
    usd_per_million_cached_input_tokens = 0.1

    [routes."flat-priced-model|default"]
    usd_per_query = 0.002
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from router.errors import InputError, UnknownModelError
from router.prices import Price, PriceBook, Usage, find_model
from router.routes import Route, effort_budget, effort_rank
from router.untrusted import read_toml

TIERS = ("economy", "standard", "frontier", "reasoning")
# USD of a usual call (1,500 tokens in, 300 out) up to which a route is economy or standard.
ECONOMY_USD, STANDARD_USD = Decimal("0.001"), Decimal("0.012")
USUAL_CALL = Usage(input_tokens=1500, output_tokens=300)
PRICE_KEYS = (
    "usd_per_query",
    "usd_per_million_input_tokens",
    "usd_per_million_output_tokens",
    "usd_per_million_cached_input_tokens",
)
FACT_KEYS = (
    "tier",
    "max_output_tokens",
    "context_window",
    "tools",
    "vision",
    "audio",
    "json",
    "seconds",
    "provider",
    "samples",
)
_SEES = re.compile(
    r"(^|/)(gpt-4o|gpt-4\.1|gpt-4-turbo|gpt-5|o1(?!-mini)|o3(?!-mini)|o4|claude|gemini|llama-4|pixtral|grok-[4-9])|vision|-vl"
)
_HEARS = re.compile(r"(^|/)(gpt-4o(-mini)?-audio|gpt-audio|gpt-realtime|gemini|voxtral)|-omni")
_THINKS = re.compile(r"(^|/)(o[1-9]\b|deepseek-r\d|deepseek-reasoner|qwq)|reason|think")


@dataclass(frozen=True)
class RouteSpec:
    """One route's facts. None means: not known, no limit applies."""

    route: Route
    tier: str | None = None
    price: Price | None = None
    max_output_tokens: int | None = None
    context_window: int | None = None
    tools: bool = True
    vision: bool = False
    audio: bool = False
    json: bool = True
    seconds: float | None = None
    provider: str | None = None
    samples: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; prices as text so that no digit is lost."""
        price = None
        if self.price is not None:
            amounts = {key: getattr(self.price, key) for key in PRICE_KEYS}
            price = {key: str(value) for key, value in amounts.items() if value is not None}
            price["source"] = self.price.source
        return {"route": self.route.key, "price": price, **{name: getattr(self, name) for name in FACT_KEYS}}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> "RouteSpec":
        fields = dict(given)
        price = fields.pop("price")
        if price is not None:
            source = price["source"]
            price = Price(source, **{key: Decimal(value) for key, value in price.items() if key != "source"})
        return cls(**(fields | {"route": Route.parse(fields["route"]), "price": price}))


def read_routes_file(path: Path) -> dict[str, dict[str, Any]]:
    """Checked settings by `model|effort` or `model`. Raises InputError naming the key and its value."""
    given = read_toml(path, "routes")
    tables = given.get("routes")
    if not isinstance(tables, dict) or not tables or set(given) != {"routes"}:
        wrong = sorted(set(given) - {"routes"}) or ["routes"]
        raise InputError(wrong[0], str(path), "not a routes file", 'Write tables like [routes."model|effort"].')
    return {key: _settings(f"routes.{key}", table) for key, table in tables.items()}


def build_specs(
    routes: Iterable[Route], settings: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[Route, RouteSpec]:
    """The facts of these routes: the routes file first, then what the library and the names tell.

    A route that nobody prices gets no price here; PriceBook raises when it is asked.
    """
    settings = settings or {}
    return {route: _spec(route, {**settings.get(route.model, {}), **settings.get(route.key, {})}) for route in routes}


def with_tiers(specs: Mapping[Route, RouteSpec], book: PriceBook, at: datetime) -> dict[Route, RouteSpec]:
    """The same facts with a tier for every route that has none."""
    return {r: spec if spec.tier else replace(spec, tier=_tier(r, book, at)) for r, spec in specs.items()}


def price_book(specs: Mapping[Route, RouteSpec]) -> PriceBook:
    return PriceBook({route: spec.price for route, spec in specs.items() if spec.price is not None})


def _settings(where: str, table: Any) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise InputError(where, table, "not a table", 'Write [routes."model|effort"] and keys below it.')
    known = [*PRICE_KEYS, *FACT_KEYS]
    checked = {}
    for key, value in table.items():
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1, cutoff=0.3) or known[:1]
            raise InputError(f"{where}.{key}", value, "unknown key", f"Nearest known: {close[0]}.")
        checked[key] = _setting(f"{where}.{key}", key, value)
    return checked


def _setting(where: str, key: str, value: Any) -> Any:
    if key in ("tools", "vision", "audio", "json"):
        fine, cure = isinstance(value, bool), "Write true or false."
    elif key in ("tier", "provider"):
        fine, cure = isinstance(value, str) and (key != "tier" or value in TIERS), f"Use one of {', '.join(TIERS)}."
    elif key in ("max_output_tokens", "context_window"):
        fine, cure = type(value) is int and value > 0, "Write a whole number of tokens above 0."
    elif key == "samples":
        fine, cure = type(value) is int and 1 <= value <= 100, "Write a whole number of calls from 1 to 100."
    else:
        fine = type(value) in (int, Decimal) and Decimal(value).is_finite() and value >= 0
        cure = "Write a finite number that is not negative."
        value = Decimal(value) if fine and key in PRICE_KEYS else float(value) if fine else value
    if not fine:
        raise InputError(where, value, "not usable", cure)
    return value


def _spec(route: Route, settings: Mapping[str, Any]) -> RouteSpec:
    facts = dict(settings)
    amounts = {key: facts.pop(key) for key in PRICE_KEYS if key in facts}
    price = Price("routes file", **amounts) if amounts else None
    found = find_model(route.model)
    spec = RouteSpec(
        route,
        price=price,
        context_window=found[1].context_window if found else None,
        vision=bool(_SEES.search(route.model.lower())),
        audio=bool(_HEARS.search(route.model.lower())),
        provider=found[0].id if found else None,
    )
    return replace(spec, **facts)


def _tier(route: Route, book: PriceBook, at: datetime) -> str:
    rank = effort_rank(route.effort)
    if (rank or 0) > 0 or effort_budget(route.effort) or (rank is None and _THINKS.search(route.model.lower())):
        return "reasoning"
    try:
        usual = book.usd(route, USUAL_CALL, at)
    except UnknownModelError:
        return "standard"
    return "economy" if usual <= ECONOMY_USD else "standard" if usual <= STANDARD_USD else "frontier"
