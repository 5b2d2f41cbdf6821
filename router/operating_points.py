"""The operating points of a policy: values of a correct answer, and what each cost and reached in training."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from router.errors import InputError
from router.objective import BEST, CHEAPEST


@dataclass(frozen=True)
class Sweep:
    """The operating points: values of a correct answer, and what each cost and reached out of fold in training."""

    values: np.ndarray
    usd: np.ndarray
    accuracy: np.ndarray

    def as_dict(self) -> dict[str, list[Any]]:
        """JSON-able: JSON knows no infinity, so the last value is written `best`."""
        values = [write_value(value) for value in self.values]
        return {"values": values, "usd": self.usd.tolist(), "accuracy": self.accuracy.tolist()}

    @classmethod
    def from_dict(cls, given: Mapping[str, Sequence[Any]]) -> "Sweep":
        values = np.array([read_value(value) for value in given["values"]])
        return cls(values, np.array(given["usd"], float), np.array(given["accuracy"], float))

    def points(self, count: int) -> np.ndarray:
        """`count` values from the cheapest end (0) to the best (infinity), spread evenly along the frontier.

        Even in cost, in its logarithm and in accuracy taken together: by cost alone, the points step over the cheap
        end, where a fraction of a cent buys most of the accuracy; by the others alone, over the dear end.
        """
        if count < 2:
            raise InputError("points", count, "too few operating points", "Ask for 2 or more.")
        cost = np.maximum.accumulate(self.usd)
        span = max(cost[-1] - cost[0], 1e-300)
        floor = max(cost[0], cost[-1] * 1e-6, 1e-300)
        logs = np.log(np.maximum(cost, floor) / floor)
        right = np.maximum.accumulate(self.accuracy)
        gained = (right - right[0]) / max(right[-1] - right[0], 1e-300)
        place = (cost - cost[0]) / span + logs / max(logs[-1], 1e-300) + 2 * gained + np.linspace(0, 1e-6, len(cost))
        wanted = np.linspace(place[0], place[-1], count)
        inner = np.searchsorted(place, wanted[1:-1]).clip(0, len(place) - 1)
        return np.r_[CHEAPEST, self.values[_distinct(inner, len(place))], BEST]


def _distinct(chosen: np.ndarray, size: int) -> np.ndarray:
    """As many rows of a sweep, repeats replaced by the middles of the widest gaps: where one step of the sweep spans
    several points, what lies around it is still worth showing."""
    picked = sorted(set(chosen.tolist()))
    while len(picked) < len(chosen) and len(picked) < size:
        edges = [-1, *picked, size]
        gaps = [b - a for a, b in pairwise(edges)]
        widest = gaps.index(max(gaps))
        picked.insert(widest, (edges[widest] + edges[widest + 1]) // 2)
    return np.array(picked + picked[-1:] * (len(chosen) - len(picked)), dtype=np.int64)


def read_value(value: Any) -> float:
    """The value of a correct answer as files and answers write it."""
    return BEST if value == "best" else float(value)


def write_value(value: float) -> float | str:
    return "best" if math.isinf(value) else float(value)
