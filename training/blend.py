"""Chooses how members are blended, by nested validation, and calibrates each route on data the blend was not fitted to.

Loss of an estimate: mean log loss, plus twice the squared error of the contrasts between routes, because contrasts
decide which route is taken. Every figure is of rows that neither member, weights nor calibration had seen.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from router.estimate.blend import Blend
from router.estimate.members import MEMBERS, expit

CONTRAST_WEIGHT = 2.0
WEIGHT_PRIOR = 5.0
ALIKE = 0.1
# A blend of several opinions is preferred to one of them alone, and to none.
BLENDED = ("weighted members", "mean of members", "mean of members, level only")
CANDIDATES = (*BLENDED, *MEMBERS, "base rates")
SHIFT_SD, SLOPE_SD, COMMON_SHIFT_SD, COMMON_SLOPE_SD = 0.1, 0.1, 0.5, 0.3


@dataclass(frozen=True)
class Said:
    """Held-out log-odds: `base` (n, R) and `members` (n, M, R), with the outcomes they answer for; `weight` (n, R)
    where cells stand for more or fewer than one."""

    base: np.ndarray
    members: np.ndarray
    correct: np.ndarray
    known: np.ndarray
    weight: np.ndarray | None = None

    def subset(self, rows: np.ndarray) -> "Said":
        weight = None if self.weight is None else self.weight[rows]
        return Said(self.base[rows], self.members[rows], self.correct[rows], self.known[rows], weight)

    @property
    def cells(self) -> np.ndarray:
        """(n, R): how much each cell counts, 0 where nothing is known."""
        return self.known.astype(float) if self.weight is None else np.where(self.known, self.weight, 0.0)

    @property
    def parts(self) -> np.ndarray:
        """(n, 2M, R): what each member says of the level, then of the contrasts."""
        said = self.members - self.base[:, None, :]
        level = np.broadcast_to(said.mean(axis=2, keepdims=True), said.shape)
        return np.concatenate([level, said - level], axis=1)


@dataclass(frozen=True)
class ChosenBlend:
    """The blend fitted to everything, its cross-fitted log-odds (n, R), and the losses of all candidates."""

    blend: Blend
    held_out: np.ndarray
    name: str
    losses: dict[str, dict[str, float]]


def choose_blend(said: Said, folds: np.ndarray, groups: np.ndarray) -> ChosenBlend:
    """The blend with the least cross-fitted loss, unless one member alone beats it by more than their standard error.

    Queries of one group (a task, where whole tasks were held out) count as one in that error, and the priors of
    weights and calibration grow by as much as grouping shrinks what the queries tell.
    """
    prior = group_factor(groups)
    raw = {name: _cross_fit(name, said, folds, prior) for name in CANDIDATES}
    held_out = {name: _cross_calibrate(one, said, folds, prior) for name, one in raw.items()}
    losses = {name: per_query_loss(expit(one), said) for name, one in held_out.items()}
    least = min(losses, key=lambda name: float(losses[name].mean()))
    against = {name: _against(losses[name], losses[least], groups) for name in CANDIDATES}
    blended = min(BLENDED, key=lambda name: against[name]["loss"])
    best = least if against[blended]["worse_by"] > against[blended]["standard_error"] else blended
    weights = _weights(best, said, prior)
    # the calibration of the final blend is fitted to log-odds that its weights did not see
    shift, slope = _calibration(raw[best], said, prior)
    half = len(MEMBERS)
    return ChosenBlend(Blend(weights[:half], weights[half:], shift, slope), held_out[best], best, against)


def group_factor(groups: np.ndarray) -> float:
    """The design effect of m queries a group whose outcomes correlate by ALIKE: 1 + (m − 1) × ALIKE."""
    return 1.0 + (len(groups) / len(np.unique(groups)) - 1.0) * ALIKE


def per_query_loss(p: np.ndarray, said: Said) -> np.ndarray:
    """(n,): log loss plus weighted squared contrast error, means over the query's known cells."""
    p = np.clip(p, 1e-4, 1 - 1e-4)
    y = np.where(said.known, said.correct, 0.0)
    cells = np.maximum(said.known.sum(axis=1), 1)
    log_loss = np.where(said.known, -(y * np.log(p) + (1 - y) * np.log(1 - p)), 0.0).sum(axis=1) / cells
    error = np.where(said.known, p - y, 0.0)
    contrast = np.where(said.known, error - (error.sum(axis=1) / cells)[:, None], 0.0)
    return log_loss + CONTRAST_WEIGHT * (contrast**2).sum(axis=1) / cells


def _against(loss: np.ndarray, least: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    """Mean loss, by how much it exceeds the least one, and the standard error of that, groups taken whole."""
    difference = loss - least
    _, group = np.unique(groups, return_inverse=True)
    sums = np.bincount(group, weights=difference - difference.mean())
    error = float(np.sqrt((sums**2).sum())) / len(loss)
    return {"loss": float(loss.mean()), "worse_by": float(difference.mean()), "standard_error": error}


def _weights(name: str, said: Said, prior: float) -> np.ndarray:
    count = len(MEMBERS)
    mean = np.full(count, 1.0 / count)
    if name == "base rates":
        return np.zeros(2 * count)
    if name == "mean of members":
        return np.tile(mean, 2)
    if name == "mean of members, level only":
        return np.r_[mean, np.zeros(count)]
    if name in MEMBERS:
        return np.tile(np.eye(count)[MEMBERS.index(name)], 2)
    return _fit_weights(said, prior)


def _fit_weights(said: Said, prior: float) -> np.ndarray:
    """Non-negative weights, drawn towards the plain mean of members."""
    n, parts, routes = said.parts.shape
    features = np.ascontiguousarray(said.parts.transpose(0, 2, 1)).reshape(n * routes, parts)
    start = np.full(parts, 2.0 / parts)
    y = np.where(said.known, said.correct, 0.0)
    known, cells = np.maximum(said.known.sum(axis=1, keepdims=True), 1), said.cells
    scale = 1.0 / np.sqrt(routes)
    pull_by = WEIGHT_PRIOR * prior

    def objective(weights: np.ndarray) -> tuple[float, np.ndarray]:
        z = said.base + (features @ weights).reshape(n, routes)
        p = expit(z)
        error = np.where(said.known, p - y, 0.0)
        log_loss = (cells * (np.logaddexp(0.0, z) - y * z)).sum()
        contrast = np.where(said.known, error - error.sum(axis=1, keepdims=True) / known, 0.0)
        pull = weights - start
        value = scale * (log_loss + CONTRAST_WEIGHT * (contrast**2).sum()) + pull_by * (pull**2).sum()
        slope = cells * error + 2 * CONTRAST_WEIGHT * contrast * p * (1 - p)
        return float(value), scale * (slope.ravel() @ features) + 2 * pull_by * pull

    return minimize(objective, start, jac=True, method="L-BFGS-B", bounds=[(0.0, 2.0)] * parts).x


def _cross_fit(name: str, said: Said, folds: np.ndarray, prior: float) -> np.ndarray:
    """Raw blended log-odds of each fold by weights fitted to the others."""
    raw = np.empty_like(said.base)
    for fold in np.unique(folds):
        held = folds == fold
        weights = _weights(name, said if held.all() else said.subset(~held), prior)
        part = said.subset(held)
        raw[held] = part.base + np.einsum("nmr,m->nr", part.parts, weights)
    return raw


def _cross_calibrate(raw: np.ndarray, said: Said, folds: np.ndarray, prior: float) -> np.ndarray:
    out = np.empty_like(raw)
    for fold in np.unique(folds):
        held = folds == fold
        if held.all():
            return raw
        shift, slope = _calibration(raw[~held], said.subset(~held), prior)
        out[held] = shift + slope * raw[held]
    return out


def _calibration(raw: np.ndarray, said: Said, prior: float) -> tuple[np.ndarray, np.ndarray]:
    """Platt scaling per route, each route's two numbers drawn towards those all routes share, and these to identity."""
    routes = raw.shape[1]
    y, cells = np.where(said.known, said.correct, 0.0), said.cells
    sds = np.r_[COMMON_SHIFT_SD, COMMON_SLOPE_SD, np.full(routes, SHIFT_SD), np.full(routes, SLOPE_SD)] / np.sqrt(prior)

    def objective(free: np.ndarray) -> tuple[float, np.ndarray]:
        shift, slope = free[0] + free[2 : 2 + routes], 1.0 + free[1] + free[2 + routes :]
        z = shift + slope * raw
        loss = (cells * (np.logaddexp(0.0, z) - y * z)).sum()
        error = cells * (expit(z) - y)
        by_route, by_slope = error.sum(axis=0), (error * raw).sum(axis=0)
        gradient = np.r_[by_route.sum(), by_slope.sum(), by_route, by_slope]
        return float(loss + 0.5 * ((free / sds) ** 2).sum()), gradient + free / sds**2

    free = minimize(objective, np.zeros(2 + 2 * routes), jac=True, method="L-BFGS-B").x
    return free[0] + free[2 : 2 + routes], np.maximum(1.0 + free[1] + free[2 + routes :], 0.05)
