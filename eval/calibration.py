"""Whether estimated probabilities mean what they say: ECE, Brier score and reliability curves, per route and pooled.

Bins hold equally many cells. ECE is never negative, so its interval leans upwards for few cells; n stands beside it.
"""

from dataclasses import dataclass

import numpy as np

from eval.bootstrap import Estimate, draw_weights, estimate

BINS = 10


@dataclass(frozen=True)
class ReliabilityBin:
    """Cells of similar estimates: how many, what was estimated, what came true (with its 95 % interval)."""

    n: int
    estimated: float
    observed: float
    low: float
    high: float


@dataclass(frozen=True)
class Calibration:
    name: str
    n: int
    estimated: float
    observed: float
    ece: Estimate
    brier: Estimate
    bins: tuple[ReliabilityBin, ...]


def calibrate(
    p: np.ndarray, correct: np.ndarray, names: tuple[str, ...], replicates: int = 1000, seed: int = 0, bins: int = BINS
) -> tuple[Calibration, ...]:
    """Pooled over all routes first, then route by route; p and correct are (n, R), NaN where there is no cell."""
    pooled = _calibration("all routes", p, correct, replicates, seed, bins)
    each = (_calibration(name, p[:, [j]], correct[:, [j]], replicates, seed, bins) for j, name in enumerate(names))
    return tuple(one for one in (pooled, *each) if one.n)


def _calibration(name: str, p: np.ndarray, correct: np.ndarray, replicates: int, seed: int, bins: int) -> Calibration:
    known = ~(np.isnan(p) | np.isnan(correct))
    if not known.any():
        return Calibration(name, 0, 0.0, 0.0, Estimate(None), Estimate(None), ())
    place = equal_mass(p, known, bins)
    count = int(place.max()) + 1
    # sums per query and bin, so that all cells of a query are drawn together
    gap, seen, guessed, right = (
        _per_query(cells, known, place, count) for cells in (p - correct, np.ones_like(p), p, correct)
    )
    error = np.where(known, (p - correct) ** 2, 0.0).sum(axis=1)
    total = seen.sum(axis=1)
    drawn: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for weights in draw_weights(len(p), replicates, seed):
        mass = np.maximum(weights @ total, 1)
        in_bin = weights @ seen
        share = np.divide(weights @ right, in_bin, out=np.full(in_bin.shape, np.nan), where=in_bin > 0)
        drawn.append((np.abs(weights @ gap).sum(axis=1) / mass, weights @ error / mass, share))
    eces, briers, shares = (np.concatenate(part) for part in zip(*drawn)) if drawn else (np.empty(0),) * 3
    ece, brier = np.abs(gap.sum(axis=0)).sum() / total.sum(), error.sum() / total.sum()
    return Calibration(
        name,
        int(total.sum()),
        float(p[known].mean()),
        float(correct[known].mean()),
        estimate(ece, eces),
        estimate(brier, briers),
        tuple(
            _bin(seen[:, b].sum(), guessed[:, b].sum(), right[:, b].sum(), shares[:, b] if drawn else shares)
            for b in range(count)
        ),
    )


def equal_mass(p: np.ndarray, known: np.ndarray, bins: int) -> np.ndarray:
    """The bin of each cell, numbered without gaps; equal estimates share a bin, so there may be fewer."""
    edges = np.unique(np.quantile(p[known], np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(edges, p, side="left")
    return np.searchsorted(np.unique(place[known]), place).clip(max=len(np.unique(place[known])) - 1)


def _per_query(cells: np.ndarray, known: np.ndarray, place: np.ndarray, count: int) -> np.ndarray:
    return np.stack([np.where(known & (place == b), cells, 0.0).sum(axis=1) for b in range(count)], axis=1)


def _bin(n: float, guessed: float, right: float, shares: np.ndarray) -> ReliabilityBin:
    around = estimate(right / n, shares)
    fallback = right / n
    return ReliabilityBin(
        int(n), float(guessed / n), float(fallback), *(fallback if x is None else x for x in (around.low, around.high))
    )
