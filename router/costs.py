"""What labelled calls cost, cell by cell: as billed, else priced from their tokens, else as expected."""

from datetime import datetime

import numpy as np

from router.estimate.estimators import Estimates
from router.labels import LabelMatrix
from router.prices import PriceBook, Rates
from router.routes import Route


def expected_usd(estimates: Estimates, routes: tuple[Route, ...], book: PriceBook, at: datetime) -> np.ndarray:
    """Expected USD (n, R) from estimated tokens at the prices of a moment."""
    rates = [book.rates(route, at) for route in routes]
    tokens = estimates.input_tokens, estimates.output_tokens
    return np.column_stack([rate.usd(tokens[0][:, j], tokens[1][:, j]) for j, rate in enumerate(rates)])


def dearest_call(
    estimates: Estimates, routes: tuple[Route, ...], book: PriceBook, at: datetime, paid: np.ndarray
) -> float:
    """USD that no call exceeds: its longest input with an output at twice the high quantile, which is where the token
    cap cuts, or the dearest call of the labels."""
    tokens = estimates.input_tokens.max(axis=0), 2.0 * estimates.output_tokens_high.max(axis=0)
    capped = [book.rates(route, at).usd(tokens[0][[j]], tokens[1][[j]])[0] for j, route in enumerate(routes)]
    return float(max(*capped, np.nanmax(np.append(paid, 0.0))))


def billed_usd(data: LabelMatrix, book: PriceBook, expected: np.ndarray, at: datetime) -> np.ndarray:
    """USD (n, R) of the labelled calls, in the order of the label set's routes.

    `expected` (n, R) fills the cells that nobody billed and whose tokens nobody counted.
    """
    priced = [_priced(book.rates(route, at), data, j) for j, route in enumerate(data.routes)]
    paid = np.where(np.isnan(data.cost_usd), np.column_stack(priced), data.cost_usd)
    return np.where(np.isnan(paid), expected, paid)


def _priced(rates: Rates, data: LabelMatrix, column: int) -> np.ndarray:
    """USD (n,) of one route's calls from their tokens; NaN where tokens matter and were not counted."""
    counted = data.input_tokens[:, column], data.output_tokens[:, column]
    tokens = [
        np.nan_to_num(count) if not rate.any() else count for count, rate in zip(counted, (rates.input, rates.output))
    ]
    return rates.usd(*tokens)
