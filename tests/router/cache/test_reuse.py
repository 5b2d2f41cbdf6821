"""A decision says why; a saved tenant goes on where it was."""

import json

import numpy as np

from router.cache.partition import Candidate
from router.cache.reuse import Reuse
from router.cache.risk_control import BudgetRules
from router.cache.verifier import Verifier


def candidate(verifier: Verifier, deviations: float) -> Candidate:
    features = verifier.prior.mean + deviations * verifier.prior.scale
    return Candidate(1, 1, "text", 0.0, 0.9, 0.0, features, 20.0)


def test_reasons_name_the_risk_and_what_it_was_held_against(verifier: Verifier) -> None:
    reuse = Reuse(verifier.prior, BudgetRules(max_wrong=0.05, audit_share=0.0), seed=1)
    assert reuse.decide(None).reason == "no entry is near"
    assert "above the threshold" in reuse.decide(candidate(verifier, -1)).reason
    found = [reuse.decide(candidate(verifier, 2)) for _ in range(300)]
    assert any("within the threshold" in one.reason for one in found)
    assert "a new answer" in reuse.decide(candidate(verifier, 2), may_serve=False).reason


def test_a_saved_tenant_goes_on(verifier: Verifier) -> None:
    reuse = Reuse(verifier.prior, BudgetRules(max_wrong=0.05), seed=1)
    rng = np.random.default_rng(0)
    for _ in range(200):
        one = candidate(verifier, float(rng.normal()))
        decision = reuse.decide(one)
        if decision.action != "hit":
            reuse.learn(one, decision, bool(rng.random() < 0.7))
    again = Reuse(verifier.prior, BudgetRules(max_wrong=0.05), seed=2)
    assert again.restore(json.loads(json.dumps(reuse.to_dict())))
    probe = candidate(verifier, 1)
    assert again.model.risk(probe.features, 1) == reuse.model.risk(probe.features, 1)
    assert again.promise.requests == reuse.promise.requests
    assert not again.restore({"model": {}, "control": {}})
