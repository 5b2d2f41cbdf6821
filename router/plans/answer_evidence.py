"""What an answer shows about itself once it is there, and what that says of every route. Inference only.

Evidence about one answer (agreement of samples, stated confidence, mean log-probability, length, refusal, a schema
check) becomes a score, the score a bin, the bin a likelihood ratio of right against wrong. How right and wrong go
together between two routes is one odds ratio per pair (Plackett's bivariate distribution), so what is learnt of one
answer moves the estimates of the others, and the mean over what may be seen is what was believed before.
"""

from dataclasses import dataclass

import numpy as np

from router.labels import LabelMatrix

SIGNALS = ("agreement", "confidence", "mean_logprob", "output_tokens", "refused", "schema_valid")
LEAST_P = 1e-4


@dataclass(frozen=True)
class AnswerEvidence:
    """`known` (R,) marks routes whose answers were seen with evidence; `calls` (R,) is what looking costs in calls.

    `centre`, `scale`, `weights` (R, S) turn signals into a score; `edges` (R, B − 1) into one of B bins; `right` and
    `wrong` (R, B) are the shares of right and of wrong answers in each bin; `odds` (R, R) ties routes together.
    """

    known: np.ndarray
    calls: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    edges: np.ndarray
    right: np.ndarray
    wrong: np.ndarray
    odds: np.ndarray

    @property
    def bins(self) -> int:
        return self.right.shape[1]

    def bin_of(self, route: int, signals: np.ndarray) -> np.ndarray:
        """Bins (n,) of signals (n, S) of one route's answers; -1 where nothing was observed."""
        score = self.score(route, signals)
        found = (score[:, None] > self.edges[route]).sum(axis=1)
        return np.where(np.isnan(signals).all(axis=1), -1, found)

    def score(self, route: int, signals: np.ndarray) -> np.ndarray:
        """Log-odds (n,) that the signals add; one that was not observed adds nothing."""
        told = transformed(signals)
        standard = (told - self.centre[route]) / self.scale[route]
        return np.where(np.isnan(standard), 0.0, standard) @ self.weights[route]

    def chances(self, route: int, p: np.ndarray) -> np.ndarray:
        """How probable each bin is before the answer, (n, B), for P(correct) of that route (n,)."""
        one = p[:, None]
        return one * self.right[route] + (1.0 - one) * self.wrong[route]

    def conditional(self, p: np.ndarray, route: int) -> tuple[np.ndarray, np.ndarray]:
        """P(correct) of every route (n, R) if the answer of one route were right, and if it were wrong."""
        before = p[:, [route]]
        both = joint(before, p, self.odds[route])
        return both / before, (p - both) / (1.0 - before)

    def update(
        self, p: np.ndarray, route: int, found: np.ndarray, given: tuple[np.ndarray, np.ndarray] | None = None
    ) -> np.ndarray:
        """P(correct) of every route (n, R) after an answer of one route fell into these bins (n,).

        `given` is `conditional(p, route)`, for who asks about several bins.
        """
        if_right, if_wrong = given or self.conditional(p, route)
        seen = found >= 0
        at = np.where(seen, found, 0)
        before = p[:, route]
        posterior = before * self.right[route, at]
        posterior = posterior / (posterior + (1.0 - before) * self.wrong[route, at])
        mixed = posterior[:, None] * if_right + (1.0 - posterior[:, None]) * if_wrong
        mixed[:, route] = posterior
        return np.where(seen[:, None], np.clip(mixed, LEAST_P, 1.0 - LEAST_P), p)


def answer_signals(data: LabelMatrix) -> np.ndarray:
    """The evidence that a label set holds, (n, R, S) in the order of SIGNALS; NaN where none."""
    return np.stack([data.cells(name) for name in SIGNALS], axis=2)


def transformed(signals: np.ndarray) -> np.ndarray:
    """Signals (n, S) on scales on which a step means the same everywhere: probabilities as they are, lengths by log."""
    told = np.array(signals, dtype=np.float64)
    told[:, 2] = np.exp(np.minimum(told[:, 2], 0.0))
    told[:, 3] = np.log1p(np.maximum(told[:, 3], 0.0))
    return told


def joint(p: np.ndarray, q: np.ndarray, odds: np.ndarray) -> np.ndarray:
    """P(both right) for margins p and q under an odds ratio (Plackett 1965); arrays broadcast."""
    near = np.abs(odds - 1.0) < 1e-9
    theta = np.where(near, 2.0, odds)
    total = 1.0 + (p + q) * (theta - 1.0)
    root = np.sqrt(np.maximum(total * total - 4.0 * theta * (theta - 1.0) * p * q, 0.0))
    return np.where(near, p * q, np.clip((total - root) / (2.0 * (theta - 1.0)), 0.0, np.minimum(p, q)))
