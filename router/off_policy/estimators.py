"""Estimators of a policy's value from logged decisions. Knows rewards and probabilities; nothing of routes or prices.

Each turns n logged rewards into n contributions whose mean is the estimate (SNIPS: whose ratio is), so that one
bootstrap serves all. A value here is a mean per request: correctness, or USD.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

NAMES = ("DM", "IPS", "SNIPS", "DR", "SWITCH-DR", "DRos")
_GRID = 15


@dataclass(frozen=True)
class Bandit:
    """`reward` (n,) of what was taken, `ratio` (n,) target over logged probability of it, `model` (n,) the model's
    reward for what was taken and `target` (n,) its expected reward under the target policy."""

    reward: np.ndarray = field(repr=False)
    ratio: np.ndarray = field(repr=False)
    model: np.ndarray = field(repr=False)
    target: np.ndarray = field(repr=False)

    @property
    def n(self) -> int:
        return len(self.reward)


@dataclass(frozen=True)
class Contributions:
    """`above` (n,) and `below` (n,): the estimate is the sum of the one over the sum of the other. `tuned` is the
    threshold that was chosen, `unshrunk` (n,) the contributions as they were before large ratios were left aside."""

    name: str
    above: np.ndarray = field(repr=False)
    below: np.ndarray = field(repr=False)
    tuned: float | None = None
    unshrunk: np.ndarray | None = field(default=None, repr=False)

    @property
    def value(self) -> float:
        total = float(self.below.sum())
        return float(self.above.sum()) / total if total > 0 else float("nan")

    @property
    def error(self) -> np.ndarray:
        """(n,): what intervals rest on; its mean is 0, and its standard error over that of `below`'s mean the
        estimate's. What shrinking saves in variance it may cost in bias, which is known no better than the unshrunk
        estimate itself: so a shrunk one is as sure as that, and no surer."""
        if self.unshrunk is not None:
            return self.unshrunk - float(self.unshrunk.mean())
        return self.above - self.value * self.below


def bandit_of(
    reward: np.ndarray, taken: np.ndarray, logged: np.ndarray, target: np.ndarray, model: np.ndarray
) -> Bandit:
    """From `taken` (n,) columns, `logged` and `target` probabilities (n, R), and a reward `model` (n, R)."""
    rows = np.arange(len(taken))
    ratio = target[rows, taken] / logged[rows, taken]
    return Bandit(reward, ratio, model[rows, taken], (target * model).sum(axis=1))


def contributions(data: Bandit, name: str) -> Contributions:
    """One of NAMES.

    DM, IPS, SNIPS; DR (Dudík, Langford & Li 2011); SWITCH-DR (Wang, Agarwal & Dudík 2017), which leaves rows with
    large ratios to the model; DRos (Su, Dimakopoulou, Krishnamurthy & Dudík 2020), which shrinks ratios. The last two
    trade bias for variance by the threshold with the least bound on their squared error.
    """
    ones = np.ones(data.n)
    if name == "DM":
        return Contributions(name, data.target, ones)
    if name == "IPS":
        return Contributions(name, data.ratio * data.reward, ones)
    if name == "SNIPS":
        return Contributions(name, data.ratio * data.reward, data.ratio)
    if name == "DR":
        return Contributions(name, _doubly_robust(data, data.ratio), ones)
    shrink = _switched if name == "SWITCH-DR" else _shrunk
    threshold = _least_error(data, shrink)
    kept = _doubly_robust(data, shrink(data.ratio, threshold))
    return Contributions(name, kept, ones, threshold, _doubly_robust(data, data.ratio))


def effective_sample_size(ratio: np.ndarray) -> float:
    """As many draws from the target policy itself would tell as much (Kish)."""
    squares = float((ratio**2).sum())
    return float(ratio.sum()) ** 2 / squares if squares > 0 else 0.0


def _doubly_robust(data: Bandit, ratio: np.ndarray) -> np.ndarray:
    return data.target + ratio * (data.reward - data.model)


def _switched(ratio: np.ndarray, threshold: float) -> np.ndarray:
    return np.where(ratio <= threshold, ratio, 0.0)


def _shrunk(ratio: np.ndarray, threshold: float) -> np.ndarray:
    """Between the ratio itself and nothing; `threshold` is the ratio that is halved."""
    return ratio * threshold**2 / (ratio**2 + threshold**2)


def _least_error(data: Bandit, shrink: Callable[[np.ndarray, float], np.ndarray]) -> float:
    """The threshold whose variance plus squared bias, as the sample shows them, is least."""
    largest = float(data.ratio.max(initial=0.0))
    if largest <= 0:
        return 1.0
    residual = data.reward - data.model
    best, least = largest * 1e3, np.inf
    for threshold in (*np.geomspace(max(largest / 1e3, 1e-6), largest, _GRID), largest * 1e3):
        kept = shrink(data.ratio, float(threshold))
        lost = (data.ratio - kept) * residual  # its mean is the bias; what cannot be told of it counts as bias too
        bias = abs(float(lost.mean())) + float(lost.std()) / math.sqrt(data.n)
        error = float(np.var(_doubly_robust(data, kept))) / data.n + bias**2
        if error < least:
            best, least = float(threshold), error
    return best
