"""The action of a decision: a model at a reasoning effort. Knows names and order, neither prices nor quality."""

import math
from dataclasses import dataclass

from router.errors import InputError

EFFORT_RANKS = {"none": 0.0, "minimal": 1.0, "low": 2.0, "medium": 3.0, "high": 4.0, "xhigh": 5.0, "max": 6.0}
_NAME_CHARS = 200


@dataclass(frozen=True, order=True)
class Route:
    """A (model, effort) pair, written `model|effort`."""

    model: str
    effort: str

    @property
    def key(self) -> str:
        return f"{self.model}|{self.effort}"

    @classmethod
    def parse(cls, key: str, field: str = "route") -> "Route":
        """Read `model|effort`; the effort may be left out and is then `default`."""
        model, bar, effort = key.rpartition("|")
        if not bar:
            model, effort = key, "default"
        if not model.strip() or not effort.strip() or len(key) > _NAME_CHARS or not key.isprintable():
            raise InputError(field, key, "not a route", "Write it as model|effort, for example gpt-4o|none.")
        return cls(model.strip(), effort.strip())


def effort_rank(effort: str) -> float | None:
    """Where an effort stands in the order of its model's efforts, or None for names outside any order.

    Named levels are 0 (none) to 6 (max). A thinking budget (`budget:4000` or `4000`, in tokens) is placed by its
    logarithm, so that 1,000 tokens stand at low and 16,000 at high.
    """
    if effort in EFFORT_RANKS:
        return EFFORT_RANKS[effort]
    budget = effort_budget(effort)
    if budget is None:
        return None
    return 0.0 if budget == 0 else max(1.0, 2.0 + math.log2(budget / 1000) / 2)


def effort_budget(effort: str) -> int | None:
    """The thinking budget in tokens which an effort states, or None."""
    digits = effort.removeprefix("budget:")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 7 else None
