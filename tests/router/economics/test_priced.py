from datetime import date
from decimal import Decimal

import pytest

from router.economics.priced import Priced
from router.errors import InputError

D = Decimal


def test_typed_prices_win_and_the_rest_is_looked_up():
    quote = Priced(name="claude-sonnet-4-6", at=date(2026, 7, 1), usd_per_million_input_tokens=D("2.5")).quote()
    assert quote.meters.usd_per_million_input_tokens == D("2.5")
    assert quote.meters.usd_per_million_output_tokens == D(15)
    assert quote.source.startswith("typed in")


def test_a_model_without_a_name_needs_prices():
    with pytest.raises(InputError, match="neither a model nor a price"):
        Priced.read({})
    assert Priced(usd_per_million_input_tokens=D(1)).quote().meters.usd_per_million_input_tokens == 1


def test_the_guides_price_can_be_asked_for():
    assert (
        Priced(name="openai/gpt-5", prices="guide", at=date(2026, 7, 1)).quote().meters.usd_per_million_input_tokens
        == 5
    )


def test_the_price_of_a_day_is_the_price_of_its_noon():
    assert Priced(name="openai/gpt-5", at=date(2026, 7, 1)).moment.hour == 12
