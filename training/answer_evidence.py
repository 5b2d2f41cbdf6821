"""Learns what an answer's evidence says of its truth, on estimates that never saw the row. Knows labels, no prices."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize, minimize_scalar

from router.estimate.members import expit, log_odds
from router.labels import LabelMatrix
from router.plans.answer_evidence import LEAST_P, SIGNALS, AnswerEvidence, answer_signals, joint, transformed

BINS, BIN_PRIOR, LEAST_LABELS = 5, 2.0, 30
SHARED_PRECISION, OWN_PRECISION = 1.0, 10.0
ODDS_PRIOR = 20.0


@dataclass(frozen=True)
class Seen:
    """Evidence (n, R, S), NaN where none; outcomes and estimates (n, R)."""

    signals: np.ndarray
    correct: np.ndarray
    p: np.ndarray

    def subset(self, rows: np.ndarray) -> "Seen":
        return Seen(self.signals[rows], self.correct[rows], self.p[rows])


def read_seen(data: LabelMatrix, p: np.ndarray) -> Seen:
    return Seen(label_signals(data), data.correct, np.clip(p, LEAST_P, 1 - LEAST_P))


def label_signals(data: LabelMatrix) -> np.ndarray:
    """The label set's evidence (n, R, S) in the order of SIGNALS; what never varies on a route says nothing."""
    signals = answer_signals(data)
    with np.errstate(invalid="ignore"):
        known = ~np.isnan(signals)
        low = np.where(known, signals, np.inf).min(axis=0)
        high = np.where(known, signals, -np.inf).max(axis=0)
    return np.where((high > low)[None], signals, np.nan)


def samples_told(data: LabelMatrix) -> np.ndarray:
    """How many samples an agreement was counted over, per route, read off its smallest step; 1 where there is none."""
    told = np.ones(len(data.routes))
    for route in range(len(data.routes)):
        some = data.agreement[:, route]
        some = some[some > 0]
        if len(some) and some.min() < 1:
            told[route] = max(2.0, round(1.0 / float(some.min())))
    return told


def fit_answer_evidence(seen: Seen, calls: np.ndarray) -> AnswerEvidence:
    """`calls` (R,): the calls that looking at a route's answer takes."""
    told = transformed(seen.signals.reshape(-1, len(SIGNALS))).reshape(seen.signals.shape)
    usable = ~np.isnan(seen.correct) & ~np.isnan(told).all(axis=2)
    known = usable.sum(axis=0) >= LEAST_LABELS
    centre, scale = _standard(told, usable)
    standard = np.nan_to_num((told - centre) / scale)
    never = np.isnan(told).all(axis=0)  # a weight learnt elsewhere says nothing on a scale that was never seen
    weights = np.where(never, 0.0, _fit_scores(standard, seen, usable & known))
    score = np.einsum("nrs,rs->nr", standard, weights)
    edges, right, wrong = _fit_bins(score, seen, usable & known)
    return AnswerEvidence(
        known=known,
        calls=np.asarray(calls, dtype=np.float64),
        centre=centre,
        scale=scale,
        weights=weights,
        edges=edges,
        right=right,
        wrong=wrong,
        odds=_fit_odds(seen),
    )


def _standard(told: np.ndarray, usable: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    known = usable[:, :, None] & ~np.isnan(told)
    count = np.maximum(known.sum(axis=0), 1)
    filled = np.where(known, told, 0.0)
    centre = filled.sum(axis=0) / count
    spread = np.sqrt(np.where(known, (filled - centre) ** 2, 0.0).sum(axis=0) / count)
    return centre, np.where(spread > 1e-9, spread, 1.0)


def _fit_scores(standard: np.ndarray, seen: Seen, usable: np.ndarray) -> np.ndarray:
    """Logistic regression of right on the signals beside what was estimated; routes share weights and may deviate."""
    routes, signals = standard.shape[1:]
    offset = log_odds(seen.p)
    y = np.where(usable, seen.correct, 0.0)

    def objective(free: np.ndarray) -> tuple[float, np.ndarray]:
        common, own, bias = free[:signals], free[signals:-routes].reshape(routes, signals), free[-routes:]
        z = offset + bias + np.einsum("nrs,rs->nr", standard, common + own)
        loss = np.where(usable, np.logaddexp(0.0, z) - y * z, 0.0).sum()
        error = np.where(usable, expit(z) - y, 0.0)
        slope = np.einsum("nr,nrs->rs", error, standard)
        value = loss + 0.5 * (SHARED_PRECISION * (common**2).sum() + OWN_PRECISION * (own**2).sum())
        gradient = [slope.sum(axis=0) + SHARED_PRECISION * common, (slope + OWN_PRECISION * own).ravel()]
        return float(value), np.concatenate([*gradient, error.sum(axis=0) + 0.1 * bias])

    start = np.zeros(signals + routes * signals + routes)
    free = minimize(objective, start, jac=True, method="L-BFGS-B").x
    return free[:signals] + free[signals:-routes].reshape(routes, signals)


def _fit_bins(score: np.ndarray, seen: Seen, usable: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per route, bins of the score and the shares of right and of wrong answers in them, drawn towards all answers'."""
    routes = score.shape[1]
    edges = np.full((routes, BINS - 1), np.inf)
    right, wrong = np.full((2, routes, BINS), 1.0 / BINS)
    for route in range(routes):
        rows = np.flatnonzero(usable[:, route])
        if not len(rows):
            continue
        one, y = score[rows, route], seen.correct[rows, route]
        cuts = _cuts(one)
        edges[route, : len(cuts)] = cuts
        found = (one[:, None] > edges[route]).sum(axis=1)
        overall = np.bincount(found, minlength=BINS) / len(found)
        for shares, weight in ((right, y), (wrong, 1.0 - y)):
            counts = np.bincount(found, weights=weight, minlength=BINS) + BIN_PRIOR * overall
            shares[route] = np.maximum(counts, 1e-9) / np.maximum(counts, 1e-9).sum()
    return edges, right, wrong


def _cuts(score: np.ndarray) -> np.ndarray:
    """Between neighbouring values, near the quantiles that make BINS even parts; fewer where values repeat."""
    values = np.unique(score)
    if len(values) <= BINS:
        return (values[1:] + values[:-1]) / 2
    return np.unique(np.quantile(score, np.arange(1, BINS) / BINS))


def _fit_odds(seen: Seen) -> np.ndarray:
    """Odds ratios (R, R) of right with right beyond what the estimates explain, each drawn towards all pairs' own."""
    routes = seen.correct.shape[1]
    pairs = [(r, s) for r in range(routes) for s in range(r + 1, routes)]
    odds = np.ones((routes, routes))
    if not pairs:
        return odds
    cells = {pair: _pair_cells(seen, *pair) for pair in pairs}

    def misfit(log_theta: float, chosen: list[tuple[int, int]]) -> float:
        return sum(_misfit(cells[pair], float(np.exp(log_theta))) for pair in chosen)

    pooled = float(minimize_scalar(lambda t: misfit(t, pairs), bounds=(-1.0, 5.0), method="bounded").x)
    for r, s in pairs:
        own = minimize_scalar(
            lambda t, one=(r, s): misfit(t, [one]) + 0.5 * ODDS_PRIOR * (t - pooled) ** 2,
            bounds=(-1.0, 5.0),
            method="bounded",
        )
        odds[r, s] = odds[s, r] = float(np.exp(own.x))
    return odds


def _pair_cells(seen: Seen, r: int, s: int) -> tuple[np.ndarray, ...]:
    both = ~np.isnan(seen.correct[:, r]) & ~np.isnan(seen.correct[:, s])
    return seen.p[both, r], seen.p[both, s], seen.correct[both, r], seen.correct[both, s]


def _misfit(cells: tuple[np.ndarray, ...], theta: float) -> float:
    """Negative log-likelihood of two routes' outcomes."""
    p, q, y, w = cells
    both = joint(p, q, np.array(theta))
    four = ((both, y * w), (p - both, y * (1 - w)), (q - both, (1 - y) * w), (1 - p - q + both, (1 - y) * (1 - w)))
    return float(-sum(float((weight * np.log(np.maximum(chance, 1e-9))).sum()) for chance, weight in four))
