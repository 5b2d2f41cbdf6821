"""Whatever a file or a body holds, a parser returns or names what is wrong: nothing else comes out of it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router import catalog
from router.cache.controls import CacheControls
from router.errors import InputError
from router.outcomes import read_report
from router.spend import spending_file
from router.spend.cost_reports import read_cost
from service.privacy import read_whom

AT = datetime(2026, 3, 1, tzinfo=UTC)
_KEYS = (
    "budgets",
    "grants",
    "governance",
    "alerts",
    "ledger",
    "chargeback",
    "routes",
    "name",
    "scope",
    "period",
    "mode",
)
_MORE = ("limit_usd", "max_calls", "tenant", "tenants", "day", "hard", "models", "tiers", "until", "*", "gpt-4o", "a|b")
_MOST = ("tools", "usd_per_query", "usd_per_million_input_tokens", "id", "kind", "usd", "usage", "calls")
WORDS = st.sampled_from((*_KEYS, *_MORE, *_MOST))
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals(allow_nan=True) | st.text(max_size=20) | WORDS
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
TABLES = st.dictionaries(WORDS, VALUES, max_size=4)


def no_price(*_: Any) -> None:
    return None


def from_file(module: Any, read: Callable[[Path], Any]) -> Callable[[dict], Any]:
    def parse(told: dict) -> Any:
        before, module.read_toml = module.read_toml, lambda path, field: told
        try:
            return read(Path("f.toml"))
        finally:
            module.read_toml = before

    return parse


PARSERS: dict[str, Callable[[dict], Any]] = {
    "spending file": from_file(spending_file, spending_file.read_spending_file),
    "routes file": from_file(catalog, catalog.read_routes_file),
    "cache controls": CacheControls.from_mapping,
    "report": read_report,
    "cost": lambda told: read_cost(told, AT, no_price),
    "whom to forget": read_whom,
}


@pytest.mark.parametrize("name", PARSERS)
@given(TABLES)
@settings(max_examples=40, deadline=None)
def test_a_parser_returns_or_names_what_is_wrong(name: str, told: dict) -> None:
    try:
        PARSERS[name](told)
    except InputError as error:
        assert error.field and error.cure and len(str(error)) < 5_000
