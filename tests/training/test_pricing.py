from datetime import UTC, datetime
from decimal import Decimal

import pandas as pd
import pytest

from router.errors import UnpricedRoutesError
from router.labels import build_labels
from router.prices import Usage
from router.routes import Route
from training.pricing import price_routes

AT = datetime(2026, 11, 1, tzinfo=UTC)


def labels(model, cost=None, n=20):
    table = pd.DataFrame(
        {
            "query_id": range(n),
            "prompt": [f"p{i}" for i in range(n)],
            "model": model,
            "effort": "none",
            "correct": 1,
            "input_tokens": [100 + 13 * i for i in range(n)],
            "output_tokens": [20 + 7 * i % 31 for i in range(n)],
        }
    )
    if cost:
        table["cost_usd"] = table["input_tokens"] * cost[0] / 1e6 + table["output_tokens"] * cost[1] / 1e6
    return build_labels(table)


def test_bills_at_the_library_price_keep_the_library_price():
    priced = price_routes(labels("gpt-4o", (2.5, 10)), {}, AT)
    assert priced.book.source(Route("gpt-4o", "none")) == "genai-prices" and not priced.notes


def test_bills_at_another_price_win_and_are_told():
    priced = price_routes(labels("gpt-4o", (1.25, 5)), {}, AT)
    assert priced.book.usd(Route("gpt-4o", "none"), Usage(1_000_000, 0), AT) == Decimal("1.25")
    assert "off the bills" in priced.notes[0]


def test_the_routes_file_wins_over_bills():
    settings = {"gpt-4o": {"usd_per_query": Decimal("0.5")}}
    assert price_routes(labels("gpt-4o", (1.25, 5)), settings, AT).book.usd(
        Route("gpt-4o", "none"), Usage(), AT
    ) == Decimal("0.5")


def test_bills_price_what_nobody_else_can():
    assert "knows no price" in price_routes(labels("our-own", (1, 2)), {}, AT).notes[0]


def test_routes_without_any_price_are_named_with_a_cure():
    with pytest.raises(UnpricedRoutesError, match=r'routes\."our-own\|none"') as caught:
        price_routes(labels("our-own"), {}, AT)
    assert caught.value.routes == ("our-own|none",)


def test_assumed_tokens_are_told():
    data = build_labels(pd.DataFrame({"query_id": ["a"], "prompt": ["p"], "model": ["gpt-4o"], "correct": [1]}))
    assert any("assumed, not measured" in note for note in price_routes(data, {}, AT).notes)
