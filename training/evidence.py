"""What held-out labels say of an estimate's truth: the intervals' evidence, and calibration figures for the report."""

from typing import Any

import numpy as np

from router.estimate.blend import Evidence, Familiarity

GRID, WINDOW, MOST_LABELS, POOLED_LABELS, LEAST_LABELS = 21, 0.075, 400.0, 10.0, 4.0
BINS, BOOTSTRAPS = 10, 200
# Odds, before looking, that a request is from a family that the labels do not hold.
UNFAMILIAR_ODDS = 0.1


def fit_evidence(p: np.ndarray, correct: np.ndarray) -> Evidence:
    """Per route and grid point, the share correct among held-out labels within WINDOW of the estimate."""
    grid = np.linspace(0.0, 1.0, GRID)
    known = ~np.isnan(correct)
    pooled_share, pooled_count = _window(p[known], correct[known], grid)
    # with few labels in the window, the estimate itself is the best guess
    pooled = (pooled_share * pooled_count + POOLED_LABELS * grid) / (pooled_count + POOLED_LABELS)
    share, count = np.empty((p.shape[1], GRID)), np.empty((p.shape[1], GRID))
    for route in range(p.shape[1]):
        one = known[:, route]
        own_share, own_count = _window(p[one, route], correct[one, route], grid)
        share[route] = (own_share * own_count + POOLED_LABELS * pooled) / (own_count + POOLED_LABELS)
        count[route] = np.clip(own_count, LEAST_LABELS, MOST_LABELS)
    return Evidence(grid, share, count)


def _window(p: np.ndarray, y: np.ndarray, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    near = np.abs(p[:, None] - grid) <= WINDOW
    count = near.sum(axis=0).astype(np.float64)
    return (near * y[:, None]).sum(axis=0) / np.maximum(count, 1.0), count


def fit_familiarity(familiar: np.ndarray, unfamiliar: np.ndarray | None) -> Familiarity:
    """Logistic in the similarity to the nearest labels.

    `familiar`: similarities of labelled queries to other queries; `unfamiliar`: to queries of other tasks. Without the
    latter, a request less similar than 99 % of the labelled ones counts as unlike.
    """
    low, middle = np.quantile(familiar, 0.01), np.quantile(familiar, 0.25)
    fallback = 2.0 / max(float(middle - low), 0.02)
    if unfamiliar is None:
        return Familiarity(intercept=fallback * float(low), slope=-fallback)
    gap = float(familiar.mean() - unfamiliar.mean())
    spread = float((familiar.var() + unfamiliar.var()) / 2) + 1e-4
    slope = max(gap / spread, 0.0)
    # two normal densities of one spread have a linear log-odds between them
    centre = float(familiar.mean() + unfamiliar.mean()) / 2
    return Familiarity(intercept=slope * centre + float(np.log(UNFAMILIAR_ODDS)), slope=-slope)


def calibration_error(p: np.ndarray, y: np.ndarray) -> float:
    """Expected calibration error over ten bins of equal width."""
    number = np.minimum((p * BINS).astype(np.int64), BINS - 1)
    gap = np.bincount(number, weights=p - y, minlength=BINS)
    return float(np.abs(gap).sum() / len(p))


def calibration_report(p: np.ndarray, correct: np.ndarray, keys: list[str], seed: int) -> dict[str, Any]:
    """Per route: labels, ECE with its 95 % interval, what ECE chance alone would show, and Brier score."""
    rng = np.random.default_rng(seed)
    report: dict[str, Any] = {}
    for route, key in enumerate(keys):
        known = ~np.isnan(correct[:, route])
        count = int(known.sum())
        if not count:
            report[key] = {"labels": 0}
            continue
        one, y = p[known, route], correct[known, route]
        draws = [rng.integers(0, count, count) for _ in range(BOOTSTRAPS)]
        spread = np.quantile([calibration_error(one[draw], y[draw]) for draw in draws], [0.025, 0.975])
        report[key] = {
            "labels": count,
            "ece": calibration_error(one, y),
            "ece_interval": [float(spread[0]), float(spread[1])],
            "ece_if_perfect": float(np.mean([calibration_error(one, rng.random(count) < one) for _ in range(50)])),
            "brier": float(((one - y) ** 2).mean()),
        }
    return report
