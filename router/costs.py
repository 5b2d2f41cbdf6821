"""What labelled calls cost, cell by cell: as billed, else priced from their tokens, else as expected."""

from datetime import datetime

import numpy as np

from router.estimators import Estimates
from router.labels import LabelMatrix
from router.prices import PriceBook
from router.routes import Route


def expected_usd(estimates: Estimates, routes: tuple[Route, ...], book: PriceBook, at: datetime) -> np.ndarray:
    """Expected USD (n, R) from estimated tokens at the prices of a moment."""
    rates = [book.rates(route, at) for route in routes]
    tokens = estimates.input_tokens, estimates.output_tokens
    return np.column_stack([rate.usd(tokens[0][:, j], tokens[1][:, j]) for j, rate in enumerate(rates)])


def billed_usd(data: LabelMatrix, book: PriceBook, expected: np.ndarray, at: datetime) -> np.ndarray:
    """USD (n, R) of the labelled calls, in the order of the label set's routes; `expected` fills what nobody counted."""
    priced = np.column_stack(
        [
            book.rates(route, at).usd(data.input_tokens[:, j], data.output_tokens[:, j])
            for j, route in enumerate(data.routes)
        ]
    )
    paid = np.where(np.isnan(data.cost_usd), priced, data.cost_usd)
    return np.where(np.isnan(paid), expected, paid)
