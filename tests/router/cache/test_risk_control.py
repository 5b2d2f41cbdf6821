"""The promise holds on simulated traffic: calibrated risks, risks that are too low, and drift."""

import json

import numpy as np
import pytest

from router.cache.risk_control import BudgetControl, BudgetRules


def simulate(control: BudgetControl, risks: np.ndarray, truth: np.ndarray, seed: int) -> np.ndarray:
    """Requests with foretold `risks` and true chances of being wrong; which were served wrongly."""
    rng = np.random.default_rng(seed)
    wrong = np.zeros(len(risks), bool)
    for i, (risk, chance) in enumerate(zip(risks, truth)):
        bad = bool(rng.random() < chance)
        action = control.decide(float(risk))
        if action == "hit":
            wrong[i] = bad
        else:
            control.learn(float(risk), bad, audited=action == "audit")
    return wrong


def worst(wrong: np.ndarray, window: int = 1_000) -> int:
    counts = np.concatenate([[0], np.cumsum(wrong)])
    return int((counts[window:] - counts[:-window]).max())


def drawn(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).beta(0.5, 2.0, count)


@pytest.mark.parametrize("max_wrong", [0.005, 0.01, 0.02, 0.05])
@pytest.mark.parametrize("too_low", [1.0, 2.0])
def test_every_window_keeps_the_promise(max_wrong: float, too_low: float) -> None:
    over = 0
    for seed in range(4):
        risks = drawn(3_000, seed)
        control = BudgetControl(BudgetRules(max_wrong=max_wrong), seed)
        wrong = simulate(control, risks, np.minimum(1, too_low * risks), seed)
        over += worst(wrong) > max_wrong * 1_000
        assert wrong.mean() <= max_wrong
        assert control.hits > 0
    assert over <= 1


def test_the_promise_outlives_a_sudden_change() -> None:
    """Risks that were right become four times too low."""
    for seed in range(3):
        risks = drawn(4_000, seed)
        truth = np.minimum(1, risks * np.where(np.arange(4_000) < 2_000, 1, 4))
        wrong = simulate(BudgetControl(BudgetRules(max_wrong=0.02), seed), risks, truth, seed)
        assert worst(wrong) <= 0.02 * 1_000 + 3


def test_of_hits_the_share_of_hits_is_kept() -> None:
    risks = drawn(6_000, 5)
    control = BudgetControl(BudgetRules(max_wrong=0.03, per="hits"), 5)
    wrong = simulate(control, risks, risks, 5)
    assert control.hits > 300 and wrong.sum() / control.hits <= 0.03


def test_too_little_evidence_misses() -> None:
    control = BudgetControl(BudgetRules(max_wrong=0.01))
    assert {control.decide(0.05) for _ in range(15)} == {"miss"}


def test_a_larger_budget_serves_more() -> None:
    hits = []
    for max_wrong in (0.005, 0.02, 0.05):
        control = BudgetControl(BudgetRules(max_wrong=max_wrong), 1)
        simulate(control, drawn(2_000, 1), drawn(2_000, 1), 1)
        hits.append(control.hits)
    assert hits == sorted(hits) and hits[0] < hits[-1]


def test_complaints_stop_the_serving() -> None:
    control = BudgetControl(BudgetRules(max_wrong=0.01), 1)
    simulate(control, np.full(1_500, 0.001), np.zeros(1_500), 1)
    assert control.decide(0.001) != "miss"
    for _ in range(10):
        control.report_wrong(0.001)
    assert control.decide(0.001) == "miss"


def test_a_hit_taken_back_costs_nothing() -> None:
    control = BudgetControl(BudgetRules(audit_share=0.0, max_wrong=0.05), 1)
    simulate(control, np.full(300, 0.001), np.zeros(300), 1)
    before, hits = control.promise().estimate, control.hits
    while control.decide(0.001) != "hit":
        pass
    control.take_back()
    assert control.hits == hits and control.promise().estimate <= before


def test_a_restart_goes_on_and_charges_what_was_not_saved() -> None:
    control = BudgetControl(BudgetRules(max_wrong=0.02), 1)
    simulate(control, drawn(1_500, 2), drawn(1_500, 2), 2)
    state = json.loads(json.dumps(control.to_dict()))
    again = BudgetControl(BudgetRules(max_wrong=0.02), 2)
    assert again.restore(state)
    assert again.promise().requests == control.promise().requests
    assert again.promise().upper >= control.promise().upper


@pytest.mark.parametrize("damage", ["spent", "hit", "risks", "evidence", "counts", "threshold"])
def test_a_damaged_state_is_not_taken(damage: str) -> None:
    control = BudgetControl()
    state = control.to_dict()
    for value in (None, [1], "x"):
        assert not BudgetControl().restore(state | {damage: value})
    state.pop(damage)
    assert not BudgetControl().restore(state)


def test_exact_hits_widen_the_denominator_and_cost_nothing() -> None:
    control = BudgetControl()
    for _ in range(10):
        control.exact_hit()
    assert control.hits == control.requests == 10 and control.promise().upper == 0


def test_the_chance_of_an_audit_is_a_plain_number_also_after_surprises() -> None:
    control = BudgetControl()
    for _ in range(20):
        control.learn(0.01, wrong=True)
    chance = control.audit_chance(0.01)
    assert type(chance) is float and 0 < chance < 0.25
