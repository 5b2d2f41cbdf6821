"""Known machines: what they cost to buy and to rent, what they draw and decode. Knows the file, plans nothing."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from router.economics.inputs import refuse

FILE = Path(__file__).with_name("hardware.toml")


@dataclass(frozen=True)
class Hardware:
    """One node. Prices are the middles of their ranges; None is: not known."""

    name: str
    capex_usd: Decimal | None
    kilowatts: Decimal | None
    rental_usd_per_hour: Decimal | None
    output_tokens_per_second: Decimal | None
    input_tokens_per_second: Decimal | None
    accelerators: int | None
    gigabytes_each: Decimal | None


@lru_cache(maxsize=1)
def known_hardware() -> Mapping[str, Hardware]:
    """Every machine of the file by its name."""
    given = tomllib.loads(FILE.read_text(encoding="utf-8"), parse_float=Decimal)
    return {name: _hardware(name, facts) for name, facts in given.items()}


def find_hardware(name: str, field: str) -> Hardware:
    """A known machine. Raises RefusedError, an InputError, naming the known ones."""
    found = known_hardware().get(name)
    if found is None:
        raise refuse(field, name, "no such machine", f"Known: {', '.join(known_hardware())}.")
    return found


def _hardware(name: str, facts: Mapping[str, Any]) -> Hardware:
    count = facts.get("accelerators")
    return Hardware(
        name=name,
        accelerators=None if count is None else int(count),
        **{
            key: _middle(facts.get(key))
            for key in (
                "capex_usd",
                "kilowatts",
                "rental_usd_per_hour",
                "output_tokens_per_second",
                "input_tokens_per_second",
                "gigabytes_each",
            )
        },
    )


def _middle(value: Any) -> Decimal | None:
    if value is None:
        return None
    return sum((Decimal(one) for one in value), Decimal(0)) / len(value) if isinstance(value, list) else Decimal(value)
