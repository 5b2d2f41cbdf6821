"""The reuse decision of one tenant: a candidate becomes hit, miss or audit, and the truth teaches. One lock inside.

Knows the risk model and the budget; knows no entries' payloads and no store.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from router.cache.partition import Candidate
from router.cache.risk_control import Action, BudgetControl, BudgetRules, Promise
from router.cache.risk_model import RiskModel
from router.cache.verifier import RiskPrior

# How a truth came: by the answer to a miss, by an audit, or because somebody says that a served answer was wrong.
Kind = Literal["miss-right", "miss-wrong", "audit-right", "audit-wrong", "complaint"]


@dataclass(frozen=True)
class ReuseDecision:
    """What was decided about a candidate and why. `risk` is None where there was no candidate; `propensity` is the
    probability of the action: would-be hits are asked anew at random."""

    action: Action
    risk: float | None
    threshold: float
    reason: str
    propensity: float = 1.0


class Reuse:
    """What one tenant's traffic has taught. Not thread-safe: its owner holds a lock."""

    def __init__(self, prior: RiskPrior, rules: BudgetRules, seed: int = 0) -> None:
        self.model, self.control = RiskModel(prior), BudgetControl(rules, seed)

    def decide(self, candidate: Candidate | None, may_serve: bool = True) -> ReuseDecision:
        risk = None if candidate is None else self.model.risk(candidate.features, candidate.evidence)
        action = self.control.decide(risk, may_serve)
        audit = 0.0 if risk is None else self.control.audit_chance(risk)
        propensity = {"hit": 1 - audit, "audit": audit, "miss": 1.0}[action]
        threshold = self.control.threshold
        return ReuseDecision(action, risk, threshold, _reason(action, risk, threshold, may_serve), propensity)

    def learn(self, candidate: Candidate, decision: ReuseDecision, valid: bool) -> None:
        """The answer to a miss or an audit has come and tells whether the candidate's would have been right."""
        if decision.risk is not None:
            self.control.learn(decision.risk, not valid, audited=decision.action == "audit")
        self.model.learn(candidate.features, valid)

    def report_wrong(self, candidate: Candidate | None, risk: float) -> None:
        """A served answer was wrong, somebody says."""
        self.control.report_wrong(risk)
        if candidate is not None:
            self.model.learn(candidate.features, valid=False)

    def follow(self, features: np.ndarray, risk: float | None, kind: Kind) -> None:
        """Learn what another process learnt, as it did."""
        if kind == "complaint":
            self.control.report_wrong(risk or 0.0)
        elif risk is not None:
            self.control.learn(risk, kind.endswith("wrong"), audited=kind.startswith("audit"))
        if len(features):
            self.model.learn(features, kind.endswith("right"))

    @property
    def promise(self) -> Promise:
        return self.control.promise()

    def to_dict(self) -> dict[str, Any]:
        return {"model": self.model.to_dict(), "control": self.control.to_dict()}

    def restore(self, state: dict[str, Any]) -> bool:
        """Take a saved state. Where the model's part does not fit, the budget's does not either: both start anew."""
        fitting = self.model.restore(state.get("model", {}))
        return fitting and self.control.restore(state.get("control", {}))


def _reason(action: Action, risk: float | None, threshold: float, may_serve: bool) -> str:
    if risk is None:
        return "no entry is near"
    if not may_serve:
        return "the caller asked for a new answer"
    if action == "hit":
        return f"risk {risk:.4f} is within the threshold {threshold:.4f} and the budget"
    if action == "audit":
        return f"risk {risk:.4f} would be served; asked anew to learn the truth"
    if risk > threshold:
        return f"risk {risk:.4f} is above the threshold {threshold:.4f}"
    return f"risk {risk:.4f} would exceed the budget of wrong answers"
