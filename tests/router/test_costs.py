from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pandas as pd

from router.costs import billed_usd
from router.labels import build_labels
from router.prices import Price, PriceBook
from router.routes import Route

AT = datetime(2026, 11, 1, tzinfo=UTC)
MODELS = ("billed", "counted", "flat", "unknown")
BOOK = PriceBook(
    {
        Route("billed", "none"): Price("t", usd_per_query=Decimal(9)),
        Route("counted", "none"): Price("t", usd_per_million_input_tokens=Decimal(1_000_000)),
        Route("flat", "none"): Price("t", usd_per_query=Decimal("0.5")),
        Route("unknown", "none"): Price("t", usd_per_million_output_tokens=Decimal(1_000_000)),
    }
)


def test_bills_come_first_then_tokens_then_the_expectation():
    table = pd.DataFrame(
        {
            "query_id": "q",
            "prompt": "p",
            "model": MODELS,
            "effort": "none",
            "correct": 1,
            "cost_usd": [0.25, None, None, None],
            "input_tokens": [10, 3, None, 10],
            "output_tokens": [10, 5, None, None],
        }
    )
    paid = billed_usd(build_labels(table), BOOK, np.full((1, 4), 7.0), AT)
    assert paid.tolist() == [[0.25, 3.0, 0.5, 7.0]]
