"""Who is shown or charged what: own calls with a mark-up, and shared capacity split by tokens and by peaks.

Splitting by tokens alone lets a bursty tenant ride on capacity that others pay for, so a part goes by the tokens of the
busiest hours, which are what the capacity was sized for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from router.money import to_pico

PEAK_SHARE_OF_HOURS = 0.05


@dataclass(frozen=True)
class Share:
    """One owner's part in picodollars: `showback` is own calls and capacity, `chargeback` that with the mark-up."""

    name: str
    calls: int
    capacity: int
    chargeback: int
    token_share: float
    peak_share: float

    @property
    def showback(self) -> int:
        return self.calls + self.capacity


def allocate(
    spent: Mapping[str, int],
    hourly_tokens: Mapping[str, Mapping[str, int]],
    shared_usd: Decimal = Decimal(0),
    token_share: Decimal = Decimal("0.7"),
    markup: Decimal = Decimal(1),
) -> list[Share]:
    """Split costs between owners, the largest part first; `spent` is picodollars by owner, `hourly_tokens` by owner and
    hour. The capacity's parts add up to `shared_usd` exactly: the largest owner takes the rounding."""
    names = sorted({*spent, *hourly_tokens})
    tokens = {name: sum(hourly_tokens.get(name, {}).values()) for name in names}
    peaks = _peak_tokens(names, hourly_tokens)
    by_tokens, by_peaks = _shares(tokens), _shares(peaks)
    shared = to_pico(shared_usd)
    capacity = {
        name: int(shared * (float(token_share) * by_tokens[name] + (1 - float(token_share)) * by_peaks[name]))
        for name in names
    }
    if names:
        capacity[max(names, key=lambda name: capacity[name])] += shared - sum(capacity.values())
    parts = [
        Share(
            name,
            spent.get(name, 0),
            capacity[name],
            int((Decimal(spent.get(name, 0) + capacity[name]) * markup).to_integral_value()),
            by_tokens[name],
            by_peaks[name],
        )
        for name in names
    ]
    return sorted(parts, key=lambda part: (-part.showback, part.name))


def _peak_tokens(names: Sequence[str], hourly: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Tokens of each owner in the busiest hours: one in twenty, at least one."""
    totals: dict[str, int] = {}
    for hours in hourly.values():
        for hour, count in hours.items():
            totals[hour] = totals.get(hour, 0) + count
    busiest = sorted(totals, key=lambda hour: (-totals[hour], hour))[: max(1, round(len(totals) * PEAK_SHARE_OF_HOURS))]
    return {name: sum(hourly.get(name, {}).get(hour, 0) for hour in busiest) for name in names}


def _shares(amounts: Mapping[str, int]) -> dict[str, float]:
    total = sum(amounts.values())
    return {name: amount / total if total else 1 / len(amounts) for name, amount in amounts.items()}
