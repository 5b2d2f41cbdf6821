"""Which price each route of a label set gets, and what to say of it before training starts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from router.catalog import RouteSpec, build_specs, price_book, with_tiers
from router.errors import UnknownModelError, UnpricedRoutesError
from router.labels import LabelMatrix
from router.prices import PriceBook, nearest_models
from router.routes import Route
from training.label_prices import implied_price, relative_error

# A library price that explains the bills this well is the price that was paid; it is kept, because it moves.
SAME_PRICE = 0.05


@dataclass(frozen=True)
class PricedRoutes:
    """Facts and prices of every route, and notes on where its price comes from."""

    specs: dict[Route, RouteSpec]
    notes: tuple[str, ...]

    @property
    def book(self) -> PriceBook:
        return price_book(self.specs)


def price_routes(data: LabelMatrix, settings: Mapping[str, Mapping[str, Any]], at: datetime) -> PricedRoutes:
    """A price for every route: the routes file's, else the library's, else the one the labels were billed.

    Where labels carry bills that the library's price does not explain (another host, a discount, a price since
    changed), the bills win: they are what these calls cost. Raises UnpricedRoutesError naming every route without any.
    """
    specs = build_specs(data.routes, settings)
    notes, unpriced = [], []
    for column, route in enumerate(data.routes):
        if specs[route].price is not None:
            continue
        billed = implied_price(data, column)
        off = _library_error(data, column, at)
        if off is None and billed is None:
            unpriced.append(route)
        elif billed is not None and (off is None or off > SAME_PRICE):
            specs[route] = replace(specs[route], price=billed)
            why = "the library knows no price" if off is None else f"the library's price is {off:.0%} off the bills"
            notes.append(f"{route.key} is priced from the labels' own bills: {why}")
    if unpriced:
        raise UnpricedRoutesError([r.key for r in unpriced], {r.key: nearest_models(r.model) for r in unpriced})
    notes += _assumed_tokens(data, specs)
    return PricedRoutes(with_tiers(specs, price_book(specs), at), tuple(notes))


def _library_error(data: LabelMatrix, column: int, at: datetime) -> float | None:
    """How far the library's price is from the bills, 0 where there are none; None where the library has no price."""
    route = data.routes[column]
    try:
        rates = PriceBook().rates(route, at)
    except UnknownModelError:
        return None
    cost = data.cost_usd[:, column]
    if np.isnan(cost).all():
        return 0.0
    known = ~np.isnan(data.output_tokens[:, column])
    if not known.any():
        return float("inf")
    priced = rates.usd(np.nan_to_num(data.input_tokens[:, column]), np.nan_to_num(data.output_tokens[:, column]))
    return relative_error(np.where(known, priced, np.nan), cost)


def _assumed_tokens(data: LabelMatrix, specs: Mapping[Route, RouteSpec]) -> list[str]:
    """Routes priced per token whose labels carry no tokens: their cost is an assumption, and is called one."""
    assumed = []
    for column, route in enumerate(data.routes):
        price = specs[route].price
        per_token = price is None or price.usd_per_million_output_tokens > 0
        if per_token and np.isnan(data.output_tokens[:, column]).all():
            assumed.append(route.key)
    if not assumed:
        return []
    return [f"no token counts for {', '.join(assumed)}: their output length is assumed, not measured"]
