"""Fits tokens and seconds per route: log-linear heads, scaled so that means and the high quantile hold out of fold."""

from dataclasses import dataclass

import numpy as np

from router.estimate.usage import ASSUMED_OUTPUT, ASSUMED_OUTPUT_HIGH, CHARS_PER_TOKEN, Amounts, InputTokens, Usage
from training.heads import fit_heads
from training.outcomes import level_and_contrasts, residuals

HIGH_QUANTILE = 0.95
PRIOR_LABELS = 10.0
# Fewer labels than these lean on what all routes share.
FEW_LABELS = 30
# Added before the logarithm, so that zero is an amount.
SMALLEST_TOKENS, SMALLEST_SECONDS = 1.0, 0.01


@dataclass(frozen=True)
class FittedAmounts:
    """`mean`, `high` (n, R) out of fold; `coverage`: share of held-out amounts at or under their high quantile."""

    amounts: Amounts
    mean: np.ndarray
    high: np.ndarray
    coverage: float | None
    labels: int


@dataclass(frozen=True)
class FittedUsage:
    """Input tokens, output tokens and seconds as fitted."""

    input_tokens: InputTokens
    tokens: FittedAmounts
    seconds: FittedAmounts

    @property
    def usage(self) -> Usage:
        return Usage(self.input_tokens, self.tokens.amounts, self.seconds.amounts)


def fit_input_tokens(tokens: np.ndarray, chars: np.ndarray) -> InputTokens:
    """Per route, least squares of tokens/chars weighted towards relative error; chars/4 where nothing was measured."""
    routes = tokens.shape[1]
    fixed, per_char = np.zeros(routes), np.full(routes, 1.0 / CHARS_PER_TOKEN)
    for route in range(routes):
        known = np.isfinite(tokens[:, route])
        if not known.any():
            continue
        x, y = chars[known].astype(np.float64), tokens[known, route]
        if known.sum() >= 5 and np.ptp(x) > 0:
            weight = 1.0 / np.sqrt(x + 50.0)
            design = np.column_stack([np.ones_like(x), x]) * weight[:, None]
            start, rate = np.linalg.lstsq(design, y * weight, rcond=None)[0]
            if rate > 0:
                fixed[route], per_char[route] = start, rate
                continue
        per_char[route] = max(y.mean(), 1.0) / max(x.mean(), 1.0)
    return InputTokens(fixed, per_char)


def fit_amounts(
    dense: np.ndarray, values: np.ndarray, folds: np.ndarray, smallest: float, assumed: bool
) -> FittedAmounts:
    """`smallest` is added before the logarithm, so that zero is an amount. `assumed`: defaults where none is known."""
    n, routes = values.shape
    known = np.isfinite(values)
    if not known.any():
        return unmeasured(dense.shape[1], n, routes, assumed)
    logs = np.log(np.where(known, values, 0.0) + smallest)
    centre = log_centre(np.where(known, logs, 0.0).sum(axis=0), known.sum(axis=0), logs[known].mean())
    residual = residuals(np.where(known, logs, np.nan), centre)
    basis = level_and_contrasts(residual)
    heads = fit_heads(dense, residual @ basis, folds)
    held_out = heads.out_of_fold @ basis.T + centre
    learnt = LearntAmounts(
        weights=basis @ heads.weights,
        offset=basis @ heads.offset,
        centre=centre,
        least=np.where(known.any(axis=0), np.where(known, values, np.inf).min(axis=0), values[known].min()),
        most=np.where(known.any(axis=0), np.where(known, values, -np.inf).max(axis=0), values[known].max()),
    )
    return scaled(learnt, held_out, values, folds, smallest)


@dataclass(frozen=True)
class LearntAmounts:
    """Log-linear heads (R, d) and offsets beside each route's centre (R,), and the amounts that were seen (R,)."""

    weights: np.ndarray
    offset: np.ndarray
    centre: np.ndarray
    least: np.ndarray
    most: np.ndarray


def scaled(
    learnt: LearntAmounts, held_out: np.ndarray, values: np.ndarray, folds: np.ndarray, smallest: float
) -> FittedAmounts:
    """`held_out` (n, R): log amounts by heads that had not seen these rows, which scale what was learnt."""
    known = np.isfinite(values)
    told = _told_apart(np.maximum(values, smallest), known, np.exp(held_out), folds)
    held_out = np.where(told, held_out, learnt.centre)
    mean_scale, high_scale = _scales(values, known, np.exp(held_out))
    amounts = Amounts(
        weights=told[:, None] * learnt.weights,
        offset=told * learnt.offset + learnt.centre,
        mean=mean_scale,
        high=high_scale,
        least=learnt.least,
        most=learnt.most,
    )
    mean, high = _held_out(amounts, np.exp(held_out), values, known, folds)
    return FittedAmounts(amounts, mean, high, float((values[known] <= high[known]).mean()), int(known.sum()))


def _told_apart(values: np.ndarray, known: np.ndarray, typical: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """(R,): whether `typical` (n, R) tells a route's requests apart better than its mean does, by the gamma deviance
    of fold after fold.

    Routes share what their heads learn. One that takes the same for every request would take on what moves the others.
    """
    told = np.ones(values.shape[1], dtype=bool)
    for route in range(values.shape[1]):
        rows = known[:, route]
        amounts, guess, fold = values[rows, route], typical[rows, route], folds[rows]
        if len(amounts) >= FEW_LABELS and len(np.unique(fold)) > 1:
            flat = _deviance(amounts, np.ones_like(guess), fold)
            told[route] = _deviance(amounts, guess, fold) <= flat
    return told


def _deviance(amounts: np.ndarray, typical: np.ndarray, folds: np.ndarray) -> float:
    """Half the mean gamma deviance but for a constant, `typical` scaled to the mean of the other folds."""
    mean = np.empty_like(amounts)
    for fold in np.unique(folds):
        held = folds == fold
        mean[held] = typical[held] * amounts[~held].sum() / typical[~held].sum()
    return float((amounts / mean + np.log(mean)).mean())


def log_centre(sums: np.ndarray, counts: np.ndarray, overall: float) -> np.ndarray:
    """Each route's mean logarithm (R,) from sums and counts; of few labels, drawn to the mean of all."""
    shrunk = (sums + PRIOR_LABELS * overall) / (counts + PRIOR_LABELS)
    # routes with labels of their own need no shrinkage of the mean
    return np.where(counts > PRIOR_LABELS, sums / np.maximum(counts, 1), shrunk)


def _scales(values: np.ndarray, known: np.ndarray, typical: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per route, what turns exp(head) into the mean and into the high quantile; few labels lean on all routes'."""
    ratio = values / typical
    pooled_mean = values[known].sum() / typical[known].sum()
    pooled_high = _upper(ratio[known])
    mean, high = np.full(values.shape[1], pooled_mean), np.full(values.shape[1], pooled_high)
    for route in range(values.shape[1]):
        one = known[:, route]
        count = int(one.sum())
        if count:
            own = values[one, route].sum() / typical[one, route].sum()
            mean[route] = (count * own + PRIOR_LABELS * pooled_mean) / (count + PRIOR_LABELS)
        if count >= FEW_LABELS:
            high[route] = _upper(ratio[one, route])
    return mean, high


def _upper(ratio: np.ndarray) -> float:
    """The conformal quantile: its rank allows for the one request that is yet to come."""
    rank = min(int(np.ceil(HIGH_QUANTILE * (len(ratio) + 1))), len(ratio))
    return float(np.sort(ratio)[rank - 1])


def _held_out(
    amounts: Amounts, typical: np.ndarray, values: np.ndarray, known: np.ndarray, folds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Estimates whose scales, like their heads, never saw the row's fold."""
    mean, high = np.empty_like(typical), np.empty_like(typical)
    for fold in np.unique(folds):
        held, rest = folds == fold, folds != fold
        scales = (amounts.mean, amounts.high)
        if known[rest].any():
            scales = _scales(values[rest], known[rest], typical[rest])
        mean[held] = np.clip(typical[held] * scales[0], amounts.least, amounts.most)
        high[held] = np.maximum(np.clip(typical[held] * scales[1], amounts.least, amounts.most), mean[held])
    return mean, high


def unmeasured(width: int, n: int, routes: int, assumed: bool) -> FittedAmounts:
    mean, high = (ASSUMED_OUTPUT, ASSUMED_OUTPUT_HIGH) if assumed else (0.0, 0.0)
    flat = np.ones(routes)
    amounts = Amounts(np.zeros((routes, width)), np.zeros(routes), flat * mean, flat * high, flat * mean, flat * high)
    return FittedAmounts(amounts, np.full((n, routes), mean), np.full((n, routes), high), None, 0)
