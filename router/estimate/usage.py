"""Tokens and seconds that a request will take on each route. Inference only.

Where labels hold no such measurements, stated defaults stand in: four characters per token, 256 output tokens on
average and 1,024 at the high quantile, 0 seconds for unknown.
"""

from dataclasses import dataclass

import numpy as np

CHARS_PER_TOKEN = 4.0
ASSUMED_OUTPUT, ASSUMED_OUTPUT_HIGH = 256.0, 1024.0


@dataclass(frozen=True)
class InputTokens:
    """Per route: a fixed part (a template around the request) and tokens per character."""

    fixed: np.ndarray
    per_char: np.ndarray

    def estimate(self, chars: float) -> np.ndarray:
        return np.maximum(self.fixed + self.per_char * chars, 1.0)


@dataclass(frozen=True)
class Amounts:
    """A log-linear model per route: `mean` and `high` scale exp of the heads' output, kept within what was seen."""

    weights: np.ndarray
    offset: np.ndarray
    mean: np.ndarray
    high: np.ndarray
    least: np.ndarray
    most: np.ndarray

    def estimate(self, dense: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and high quantile, (R,)."""
        typical = np.exp(np.minimum(self.weights @ dense + self.offset, 20.0))
        mean = np.minimum(np.maximum(typical * self.mean, self.least), self.most)
        return mean, np.maximum(np.minimum(np.maximum(typical * self.high, self.least), self.most), mean)


@dataclass(frozen=True)
class Usage:
    """All that a call consumes besides money."""

    input_tokens: InputTokens
    output_tokens: Amounts
    seconds: Amounts
