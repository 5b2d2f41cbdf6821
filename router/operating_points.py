"""The operating points of a policy: values of a correct answer, and what each cost and reached in training."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from router.errors import InputError
from router.objective import BEST, CHEAPEST


@dataclass(frozen=True)
class Sweep:
    """The operating points: values of a correct answer, what each cost and reached out of fold in training, and what
    its own estimates expected it to cost and to reach."""

    values: np.ndarray
    usd: np.ndarray
    accuracy: np.ndarray
    expected_usd: np.ndarray
    expected_accuracy: np.ndarray

    def as_dict(self) -> dict[str, list[Any]]:
        """JSON-able: JSON knows no infinity, so the last value is written `best`."""
        values = [write_value(value) for value in self.values]
        return {"values": values} | {name: getattr(self, name).tolist() for name in _FIGURES}

    @classmethod
    def from_dict(cls, given: Mapping[str, Sequence[Any]]) -> "Sweep":
        """Policies from before the expected figures were kept are read with the measured ones in their place."""
        values = np.array([read_value(value) for value in given["values"]])
        given = {"expected_usd": given["usd"], "expected_accuracy": given["accuracy"], **given}
        return cls(values, *(np.array(given[name], float) for name in _FIGURES))

    def rows(self, picked: np.ndarray) -> "Sweep":
        """Some of the points."""
        return Sweep(self.values[picked], *(getattr(self, name)[picked] for name in _FIGURES))

    def points(self, count: int) -> np.ndarray:
        """`count` values from the cheapest end (0) to the best (infinity): those that keep most of the area under the
        expected frontier over the logarithm of cost.

        The expected frontier is smooth. By what labels showed, luck would pick the points: those that a few lucky
        answers lifted above their neighbours.
        """
        if count < 2:
            raise InputError("points", count, "too few operating points", "Ask for 2 or more.")
        kept = _most_area(
            np.maximum.accumulate(self.expected_usd), np.maximum.accumulate(self.expected_accuracy), count
        )
        repeated = np.repeat(self.values[kept[-2]], count - len(kept))
        return np.r_[CHEAPEST, self.values[kept[1:-1]], repeated, BEST]


_FIGURES = ("usd", "accuracy", "expected_usd", "expected_accuracy")


def _most_area(usd: np.ndarray, accuracy: np.ndarray, count: int) -> np.ndarray:
    """The rows, ascending and with both ends, that are left when the row whose absence costs least area goes again and
    again. `usd` and `accuracy` must not fall."""
    usd = np.maximum(usd, max(usd[-1] * 1e-6, 1e-300))
    kept = np.arange(len(usd))
    while len(kept) > max(count, 2):
        x, y = usd[kept], accuracy[kept]
        width = np.diff(x)
        ratio = np.divide(np.diff(np.log(x)), width, out=np.zeros(len(width)), where=width > 0)
        rising, falling = np.where(width > 0, 1 - x[:-1] * ratio, 0.0), np.where(width > 0, x[1:] * ratio - 1, 0.0)
        across = np.maximum(x[2:] - x[:-2], 1e-300)
        above = y[1:-1] - (y[:-2] + (y[2:] - y[:-2]) * width[:-1] / across)
        # the triangle over the chord, integrated over log usd: (x − a) / (b − a) up to the row, and down from it
        kept = np.delete(kept, 1 + int(np.argmin(above * (rising[:-1] + falling[1:]))))
    return kept


def read_value(value: Any) -> float:
    """The value of a correct answer as files and answers write it."""
    return BEST if value == "best" else float(value)


def write_value(value: float) -> float | str:
    return "best" if math.isinf(value) else float(value)
