from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from router.labels import build_labels
from router.prices import Usage
from training.label_prices import implied_price

RNG = np.random.default_rng(0)


def labels(n=60, **columns):
    table = pd.DataFrame({"query_id": range(n), "prompt": [f"p{i}" for i in range(n)], "model": "m", "correct": 1})
    return build_labels(table.assign(**columns))


def test_prices_per_token_are_recovered_from_bills():
    tokens_in, tokens_out = RNG.integers(50, 4000, 60), RNG.integers(1, 900, 60)
    cost = tokens_in * 0.8e-6 + tokens_out * 4e-6
    price = implied_price(labels(input_tokens=tokens_in, output_tokens=tokens_out, cost_usd=cost), 0)
    assert price.usd_per_million_input_tokens == Decimal("0.8")
    assert price.usd_per_million_output_tokens == Decimal("4")
    assert price.usd_per_query == 0


def test_bills_that_tokens_do_not_explain_become_a_price_per_call():
    cost = RNG.uniform(0.001, 1.0, 60)
    tokens = RNG.integers(1, 1000, 60)
    price = implied_price(labels(input_tokens=tokens, output_tokens=tokens, cost_usd=cost), 0)
    assert float(price.usd(Usage(5, 5))) == pytest.approx(cost.mean(), rel=1e-3)


def test_bills_without_tokens_become_a_price_per_call():
    assert implied_price(labels(cost_usd=0.25), 0).usd(Usage()) == Decimal("0.25")


def test_no_bills_no_price():
    assert implied_price(labels(), 0) is None


def test_free_calls_are_free():
    assert implied_price(labels(cost_usd=0.0, input_tokens=5, output_tokens=5), 0).usd(Usage(9, 9)) == 0
