import numpy as np
import pandas as pd
import pytest

from eval.decide import Queries
from eval.plan_decisions import plan_table, plans_of, play_all, revealed_bins, sweep_of_plans
from router.errors import InputError
from router.labels import LabelMatrix, build_labels
from router.plans.answer_evidence import SIGNALS, AnswerEvidence
from router.plans.files import Plans, read_plans, write_plans
from router.policy import Policy
from router.requests import Request

QUERIES = Queries(("a", "b"), (Request.from_prompt("one"), Request.from_prompt("two")))
USD = np.array([[0.001, 0.05], [0.001, 0.05]])


def evidence() -> AnswerEvidence:
    shape = (2, len(SIGNALS))
    weights = np.zeros(shape)
    weights[:, 0] = 1.0
    return AnswerEvidence(
        np.array([True, False]), np.array([3.0, 1.0]), np.zeros(shape), np.ones(shape), weights,
        np.full((2, 1), 0.5), np.tile([0.05, 0.95], (2, 1)), np.tile([0.95, 0.05], (2, 1)), np.ones((2, 2)),
    )  # fmt: skip


@pytest.fixture
def policy(tiny_policy: Policy) -> Policy:
    tiny_policy.plans = Plans(evidence(), tiny_policy.sweep)
    return tiny_policy


@pytest.fixture
def labels(policy: Policy) -> LabelMatrix:
    rows = [
        {"query_id": query, "prompt": query, "model": route.model, "effort": route.effort, "correct": right}
        | {"agreement": agreement}
        for query, right, agreement in (("a", 0, 0.0), ("b", 1, 1.0))
        for route in policy.routes
    ]
    return build_labels(pd.DataFrame(rows))


def estimates(policy: Policy):
    return policy.estimate(["one", "two"], np.ones((2, 64), np.float32), [None] * 2, np.array([3, 3]))


def test_steps_are_told_in_order_and_every_call_counted(policy, labels) -> None:
    bins = revealed_bins(policy, QUERIES, labels)
    values = np.array([0.2])
    table = plan_table(policy, QUERIES, USD, values, play_all(policy, estimates(policy), USD, values, bins))
    first, second = (table[table.query_id == query] for query in ("a", "b"))
    assert first.step.tolist() == [0, 1] and first.calls.tolist() == [3, 1]
    assert first.model.tolist() == [policy.routes[0].model, policy.routes[1].model]
    assert second.step.tolist() == [0] and second.calls.tolist() == [3]


def test_what_plans_spent_is_what_their_calls_cost(policy, labels) -> None:
    bins = revealed_bins(policy, QUERIES, labels)
    played = play_all(policy, estimates(policy), USD, np.array([0.2]), bins)
    sweep = sweep_of_plans(played, np.array([[0.0, 1.0], [1.0, 1.0]]), USD)
    assert sweep.usd[:, 0] == pytest.approx([0.053, 0.003]) and sweep.correct[:, 0].tolist() == [1.0, 1.0]


def test_a_query_without_evidence_reveals_nothing(policy, labels) -> None:
    bins = revealed_bins(policy, Queries(("a", "z"), QUERIES.requests), labels)
    assert bins[0, 0] == 0 and (bins[1] == -1).all()


def test_evidence_of_other_queries_is_refused(policy, labels) -> None:
    with pytest.raises(InputError, match="none of the queries"):
        revealed_bins(policy, Queries(("y", "z"), QUERIES.requests), labels)


def test_a_policy_without_plans_says_so(tiny_policy: Policy) -> None:
    with pytest.raises(InputError, match="no plans"):
        plans_of(tiny_policy)


def test_plans_survive_a_folder(policy: Policy, tmp_path) -> None:
    assert read_plans(tmp_path, policy.routes) is None
    write_plans(tmp_path, policy.routes, evidence(), policy.sweep)
    read = read_plans(tmp_path, policy.routes)
    assert read is not None and np.array_equal(read.evidence.right, evidence().right)
    with pytest.raises(ValueError, match="other routes"):
        read_plans(tmp_path, policy.routes[::-1])
