"""What one revealed truth taught, in a form that travels to the other processes. Knows no store and no budget."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from router.cache.partition import Candidate
from router.cache.reuse import Kind, ReuseDecision


@dataclass(frozen=True)
class Lesson:
    """`places` are the entries where it is remembered, the judged one first; `risk` is None where nothing was judged
    before, as in the exact tier."""

    kind: Kind
    partition: str
    places: tuple[int, ...]
    answer_id: int
    cosine: float
    risk: float | None
    features: np.ndarray

    def to_dict(self) -> dict[str, Any]:
        return {**vars(self), "places": list(self.places), "features": self.features.tolist()}

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> "Lesson":
        return cls(**{**said, "places": tuple(said["places"]), "features": np.array(said["features"], float)})

    @property
    def candidate(self) -> Candidate:
        """As much of the judged entry as its partition needs to remember the truth."""
        entry_id = self.places[0] if self.places else 0
        return Candidate(entry_id, self.answer_id, "", 0.0, self.cosine, 0.0, self.features, 0.0)


def truth(
    partition: str, places: tuple[int, ...], candidate: Candidate, decision: ReuseDecision, valid: bool
) -> Lesson:
    """The answer to a miss or an audit told whether the neighbour's would have been right."""
    how: Kind
    if decision.action == "audit":
        how = "audit-right" if valid else "audit-wrong"
    else:
        how = "miss-right" if valid else "miss-wrong"
    return Lesson(how, partition, places, candidate.answer_id, candidate.cosine, decision.risk, candidate.features)


def complaint(candidate: Candidate | None, risk: float | None) -> Lesson:
    """Somebody says that a served answer was wrong; without a candidate nothing is known of why it was served."""
    features = np.zeros(0) if candidate is None else candidate.features
    return Lesson("complaint", "", (), 0, 0.0, risk, features)
