"""Our own file of quoted prices, dated and with their place. Knows the file; knows nothing of the price library."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, time
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from router.economics.meters import Meters, Quote

GUIDE = "guide"
FILE = Path(__file__).with_name("quotes.toml")
_METERS = {
    "input": "usd_per_million_input_tokens",
    "output": "usd_per_million_output_tokens",
    "cached": "usd_per_million_cached_input_tokens",
    "write": "usd_per_million_cache_write_tokens",
    "write_1h": "usd_per_million_cache_write_1h_tokens",
    "storage_hour": "usd_per_million_cached_tokens_hour",
    "audio_input": "usd_per_million_audio_input_tokens",
    "audio_output": "usd_per_million_audio_output_tokens",
}
_FACTS = (
    "batch_discount",
    "context_tokens",
    "min_cache_prefix_tokens",
    "cache_ttl_seconds",
    "cached_share_of_input",
)


@lru_cache(maxsize=1)
def all_quotes() -> tuple[Quote, ...]:
    """Every quote of the file, in its order: the first of a name is the one to use."""
    given = _file()
    return tuple(
        _quote(name, table, {**_provider(given["providers"].get(name.partition("/")[0], {}), meters), **meters})
        for table in given["tables"]
        for name, meters in table["quotes"].items()
    )


def find_quotes(model: str, at: date | None = None) -> list[Quote]:
    """The file's quotes of `provider/model` or of a model at any host; with a date, only those that hold by then.

    The latest come first, and among quotes of one day the first of the file: a new price is a new table with its day.
    """
    name = model.lower()
    found = [one for one in all_quotes() if name in (one.name, one.model)]
    held = [one for one in found if at is None or one.since is None or one.since <= at]
    return sorted(held, key=lambda one: one.since or date.min, reverse=True)


def table_quote(model: str, table: str) -> Quote:
    """What one table of the file says of `provider/model`, by the table's name. Raises KeyError."""
    for one in all_quotes():
        if one.name == model and one.source == f"{GUIDE}: {table}":
            return one
    raise KeyError(f"{model} in {table}")


def guide_name() -> str:
    """The guide that the file quotes, in full."""
    return str(_file()["guide"])


@lru_cache(maxsize=1)
def library_names() -> Mapping[str, str]:
    """The price library's name of an offer, where it is not ours."""
    names: Mapping[str, str] = _file()["library"]
    return names


@lru_cache(maxsize=1)
def _file() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"), parse_float=Decimal)


def _provider(facts: Mapping[str, Any], meters: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a provider does for this offer: batches and prompt caches are for text, not images or speech."""
    text = {"input", "output"} <= set(meters) and "audio_input" not in meters
    return facts if text else {}


def _quote(name: str, table: Mapping[str, Any], given: Mapping[str, Any]) -> Quote:
    provider, _, model = name.partition("/")
    low, high = _meters(given, 0), _meters(given, -1)
    quote = Quote(provider, model, f"{GUIDE}: {table['name']}", table["since"], low, high if high != low else None)
    facts = {key: given[key] for key in _FACTS if key in given}
    if "long" in given:
        facts |= {"long_context_above_tokens": given["long_above"], "long_context": _meters(given["long"], 0)}
    if "off_peak" in given:
        start, end = (time.fromisoformat(one) for one in given["off_peak_utc"].split("-"))
        facts |= {"off_peak_utc": (start, end), "off_peak": _meters(given["off_peak"], 0)}
    return replace(quote, **facts)


def _meters(given: Mapping[str, Any], end: int) -> Meters:
    priced = {_METERS.get(key, key): value for key, value in given.items() if key in _METERS or key.startswith("usd_")}
    return Meters(**{key: _usd(value, end) for key, value in priced.items()})


def _usd(value: Any, end: int) -> Decimal:
    return Decimal(value[end] if isinstance(value, list) else value)
