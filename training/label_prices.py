"""The price that a label set implies for a route, from what its calls were billed. No price list is read here."""

from decimal import Decimal

import numpy as np
from scipy.optimize import nnls

from router.labels import LabelMatrix
from router.prices import MILLION, Price

# Below this median relative error a price per token explains the bills; above it, only their mean is used.
FITS_WITHIN = 0.05
SOURCE = "labels"


def implied_price(data: LabelMatrix, column: int) -> Price | None:
    """USD per token (and per call) that explain the billed cost of one route, or None where nothing was billed.

    Non-negative least squares of the cost on (1, input, output) tokens, each call weighted by 1 / cost so that cheap
    calls count as much as dear ones. Without tokens, or where tokens do not explain the bills: the mean cost of a call.
    """
    cost = data.cost_usd[:, column]
    billed = ~np.isnan(cost)
    if not billed.any():
        return None
    tokens = np.column_stack([data.input_tokens[:, column], data.output_tokens[:, column]])
    usable = billed & ~np.isnan(tokens).any(axis=1) & (cost > 0)
    if usable.sum() >= 3:
        price = _per_token(tokens[usable], cost[usable])
        if price is not None:
            return price
    return Price(SOURCE, usd_per_query=_decimal(float(cost[billed].mean())))


def relative_error(price_usd: np.ndarray, billed_usd: np.ndarray) -> float:
    """Median of |priced − billed| / billed over calls that were billed something; infinity where there is none."""
    known = ~np.isnan(billed_usd) & (billed_usd > 0) & ~np.isnan(price_usd)
    if not known.any():
        return float("inf")
    return float(np.median(np.abs(price_usd[known] - billed_usd[known]) / billed_usd[known]))


def _per_token(tokens: np.ndarray, cost: np.ndarray) -> Price | None:
    terms = np.column_stack([np.ones(len(cost)), tokens / 1e6])
    scale = np.abs(terms / cost[:, None]).mean(axis=0)
    scale[scale == 0] = 1.0
    rates = nnls(terms / cost[:, None] / scale, np.ones(len(cost)))[0] / scale
    if relative_error(terms @ rates, cost) > FITS_WITHIN:
        return None
    per_call, per_input, per_output = map(_decimal, rates)
    return Price(
        SOURCE,
        usd_per_query=per_call if per_call * MILLION > 1 else Decimal(0),
        usd_per_million_input_tokens=per_input,
        usd_per_million_output_tokens=per_output,
    )


def _decimal(value: float) -> Decimal:
    """Four significant digits: no price list has more, and least squares leaves noise behind them."""
    return Decimal(f"{value:.4g}")
