"""One request, decided twice: what was answered, and what the candidate would have answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from router.decisions import Decision


@dataclass(frozen=True)
class Comparison:
    """`taken` is the decision that was answered and logged; `instead` is the candidate's, which nobody acted on.

    `sampled` marks the share whose alternative is run too. It is drawn before anything is known of either decision, so
    the sampled comparisons are a fair sample of all.
    """

    tenant: str
    taken: Decision
    instead: Decision
    sampled: bool

    @property
    def agrees(self) -> bool:
        return self.taken.chosen.route == self.instead.chosen.route

    def alternative(self) -> Mapping[str, Any] | None:
        """What the caller is asked to run besides; None where nothing needs to run: both chose the same route."""
        if not self.sampled or self.agrees:
            return None
        option = self.instead.chosen
        return {
            "route": option.route.key,
            "model": option.route.model,
            "effort": option.route.effort,
            "parameters": dict(self.instead.parameters),
            "max_output_tokens": option.max_output_tokens,
            "policy": self.instead.policy,
        }

    def row(self) -> dict[str, Any]:
        """As the log keeps it."""
        taken, instead, alternative = self.taken.chosen, self.instead.chosen, self.alternative()
        return {
            "decision_id": self.taken.decision_id,
            "at": self.taken.at,
            "tenant": self.tenant,
            "task": self.taken.task,
            "incumbent": self.taken.policy,
            "candidate": self.instead.policy,
            "incumbent_route": taken.route.key,
            "incumbent_p_correct": taken.p_correct,
            "incumbent_usd": taken.expected_usd,
            "candidate_route": instead.route.key,
            "candidate_p_correct": instead.p_correct,
            "candidate_usd": instead.expected_usd,
            "sampled": self.sampled,
            "alternative": None if alternative is None else dict(alternative),
        }
