"""Whether a route's price changed: looked up, not estimated. Knows prices at moments."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from router.policy import Policy
from router.prices import Usage

TYPICAL = Usage(1000, 500)  # the request whose price stands for a route's
LEAST = Decimal("0.01")  # of the price: smaller changes are rounding


@dataclass(frozen=True)
class PriceChange:
    """USD of a typical request on a route, before and now."""

    route: str
    before: Decimal
    now: Decimal


class PriceWatch:
    """Remembers the prices of one policy's routes from look to look."""

    def __init__(self) -> None:
        self._known: dict[str, Decimal] = {}

    def look(self, policy: Policy, at: datetime) -> list[PriceChange]:
        """Changes since the last look at these routes."""
        prices = _prices(policy, at)
        changed = [
            PriceChange(route, before, prices[route])
            for route, before in self._known.items()
            if route in prices and abs(prices[route] - before) > LEAST * before
        ]
        self._known = {**self._known, **prices}
        return changed


def _prices(policy: Policy, at: datetime) -> Mapping[str, Decimal]:
    found = {}
    for route in policy.routes:
        try:
            found[route.key] = policy.book.usd(route, TYPICAL, at)
        except Exception:  # a route that cannot be priced now is the price book's to tell
            continue
    return found
