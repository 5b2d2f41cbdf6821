"""The risk that a neighbour's answer is wrong for a request, learnt online. Knows features and labels, no budget.

A Bayesian logistic regression over a neighbourhood: what the verifier says, how near and how lonely the neighbour is,
and what happened here before. It starts from a trained prior and takes one label at a time; where it has seen little,
its uncertainty moves the risk towards one half, so a new topic is not served on the strength of an old one.
"""

import math
from typing import Any

import numpy as np

from router.cache.verifier import RiskPrior

CONTEXT_FEATURES = (
    "verifier", "nearness", "margin", "verifier_margin", "vote", "same_answer", "entry_record", "answer_record",
    "above_refuted", "local_surprise", "local_evidence", "nearest",
)  # fmt: skip
_CLIP = 4.0  # standard deviations; a feature further out says no more than one at the edge
# Weights may drift by their whole prior variance within this many labels: what held last month need not hold now.
_DRIFT_LABELS = 3_000
# Variance (in log-odds) of how a neighbourhood differs from the pool, and how much each label there reduces it.
_LOCAL_VARIANCE, _LOCAL_GAIN = 0.5, 0.5


class RiskModel:
    """P(wrong) of serving a candidate. Not thread-safe: its owner holds a lock."""

    def __init__(self, prior: RiskPrior) -> None:
        self._prior = prior
        self._weights = prior.weights.copy()
        self._covariance = np.diag(prior.variances)
        self.labels = 0

    def risk(self, features: np.ndarray, evidence: float) -> float:
        """`features` as CONTEXT_FEATURES; `evidence` is the weight of labels seen in the neighbourhood."""
        x = self._standard(features)
        local = _LOCAL_VARIANCE / (1 + _LOCAL_GAIN * evidence)
        variance = float(x @ self._covariance @ x) + local
        # the probit approximation of a logistic averaged over a Gaussian
        logit = float(self._weights @ x) / math.sqrt(1 + math.pi * variance / 8)
        return 1 / (1 + math.exp(min(logit, 50.0)))

    def learn(self, features: np.ndarray, valid: bool) -> None:
        """One step of the extended Kalman filter for logistic regression."""
        x = self._standard(features)
        p = 1 / (1 + math.exp(-max(-30.0, min(30.0, float(self._weights @ x)))))
        self._covariance[np.diag_indices_from(self._covariance)] += self._prior.variances / _DRIFT_LABELS
        gain = self._covariance @ x
        information = p * (1 - p)
        self._covariance -= np.outer(gain, gain) * (information / (1 + information * float(gain @ x)))
        self._weights += self._covariance @ x * (float(valid) - p)
        self.labels += 1

    def to_dict(self) -> dict[str, Any]:
        return {
            "names": list(self._prior.names),
            "weights": self._weights.tolist(),
            "covariance": self._covariance.tolist(),
            "labels": self.labels,
        }

    def restore(self, state: dict[str, Any]) -> bool:
        """Take a saved state; False, and nothing changes, where it is of other features or damaged."""
        try:
            weights, covariance = np.asarray(state["weights"], float), np.asarray(state["covariance"], float)
            names, labels = tuple(state["names"]), int(state["labels"])
        except (KeyError, TypeError, ValueError):
            return False
        fits = names == self._prior.names and weights.shape == self._weights.shape
        if not fits or covariance.shape != self._covariance.shape:
            return False
        if not (np.isfinite(weights).all() and np.isfinite(covariance).all()):
            return False
        self._weights, self._covariance, self.labels = weights, covariance, labels
        return True

    def _standard(self, features: np.ndarray) -> np.ndarray:
        x = np.ones(len(features) + 1)  # the last one is the intercept's
        scaled = (features - self._prior.mean) / self._prior.scale
        np.minimum(np.maximum(scaled, -_CLIP), _CLIP, out=x[:-1])  # np.clip takes twice as long
        return x
