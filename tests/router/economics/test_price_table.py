from datetime import UTC, datetime
from decimal import Decimal

import pytest

from router.economics.meters import Call
from router.economics.price_table import disagreement_table, model_table, shape_table
from router.errors import InputError

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)


def test_models_are_sorted_by_the_price_of_the_call():
    plan = shape_table(at=AT)
    usd = [row[2] for row in plan.tables[0].rows]
    assert usd == sorted(usd)
    tiers = {row[0]: row[1] for row in plan.tables[0].rows}
    assert (tiers["openai/gpt-4o-mini"], tiers["openai/o3"], tiers["anthropic/claude-opus-4"]) == (
        "economy",
        "reasoning",
        "frontier",
    )


def test_the_spread_is_over_the_cheapest_priced_model():
    rows = {row[0]: row for row in shape_table(at=AT, models=("gpt-4o-mini", "gpt-4o")).tables[0].rows}
    assert rows["gpt-4o"][5] == Decimal("0.00675") / Decimal("0.000405")


def test_a_named_model_that_lacks_the_meter_is_an_error():
    with pytest.raises(InputError, match="no such meter"):
        shape_table(Call(input_tokens=10, output_tokens=1), AT, ("cohere/embed-v3",))


def test_every_quote_of_a_model_is_shown_with_its_source():
    rows = model_table("openai/gpt-5", AT).tables[0].rows
    sources = {row[-1] for row in rows}
    assert {"guide: tear-down", "guide: every model, every tier"} <= sources
    assert any("above 400,000 input tokens" in str(row[1]) for row in rows)


def test_disagreements_are_counted():
    plan = disagreement_table(AT)
    assert f"{len({(row[0], row[1]) for row in plan.tables[0].rows})} meters" in plan.answer
