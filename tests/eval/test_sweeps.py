import numpy as np
import pandas as pd
import pytest

from eval.sweeps import Oracle, align_decisions, sweep_of_picks, values_to_sweep
from router.errors import InputError
from router.labels import LabelMatrix


def decisions_of(data: LabelMatrix, column: int = 0) -> pd.DataFrame:
    route = data.routes[column]
    return pd.DataFrame({"point": 0, "query_id": data.query_ids, "model": route.model, "effort": route.effort})


@pytest.mark.parametrize("graded", [False, True])
def test_oracle_in_resampled_worlds_equals_a_search_over_all_cells(graded: bool) -> None:
    rng = np.random.default_rng(1)
    correct = rng.random((60, 5)) if graded else (rng.random((60, 5)) < 0.6).astype(float)
    costs = rng.lognormal(-6, 1.5, (60, 5))
    weights = rng.integers(0, 3, (4, 60)).astype(float)
    values = np.tile(values_to_sweep(costs.mean(axis=0)), (4, 1))
    usd, accuracy = Oracle(correct, costs).resampled(weights, values)
    sweep = Oracle(correct, costs).sweep(values[0])
    share = weights / weights.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(usd, share @ sweep.usd, rtol=1e-12)
    np.testing.assert_allclose(accuracy, share @ sweep.correct, rtol=1e-12)


def test_values_reach_from_the_cheapest_to_right_at_any_price_even_where_a_route_is_free() -> None:
    values = values_to_sweep(np.array([0.0, 0.02]))
    assert values[0] < 0.02 / 1e6 and values[-1] == pytest.approx(20) and (np.diff(values) > 0).all()
    assert np.isfinite(values_to_sweep(np.zeros(2))).all()


def test_a_plan_pays_every_call_and_answers_with_its_last_step(data: LabelMatrix) -> None:
    first = decisions_of(data, 0).assign(step=0, calls=3, expected_usd=0.1)
    second = decisions_of(data, 2).iloc[:5].assign(step=1, calls=1, expected_usd=1.0)
    table = pd.concat([second, first])
    decided = align_decisions(table, data, data.cost_usd, "router", "plan")
    answered = np.r_[np.full(5, 2), np.zeros(data.n - 5, int)]
    rows = np.arange(data.n)
    np.testing.assert_array_equal(decided.sweep.correct[:, 0], data.correct[rows, answered])
    extra = np.where(rows < 5, data.cost_usd[:, 2], 0)
    np.testing.assert_allclose(decided.sweep.usd[:, 0], 3 * data.cost_usd[:, 0] + extra)
    np.testing.assert_allclose(decided.expected_usd[:, 0], 0.3 + (rows < 5))


def test_a_missing_decision_is_refused(data: LabelMatrix) -> None:
    with pytest.raises(InputError, match="1 decisions are missing"):
        align_decisions(decisions_of(data).iloc[1:], data, data.cost_usd, "router", "x")


def test_a_repeated_decision_is_refused(data: LabelMatrix) -> None:
    twice = pd.concat([decisions_of(data), decisions_of(data).iloc[:1]])
    with pytest.raises(InputError, match="more than once"):
        align_decisions(twice, data, data.cost_usd, "router", "x")


def test_a_route_without_labels_is_named(data: LabelMatrix) -> None:
    with pytest.raises(InputError, match="gpt-9"):
        align_decisions(decisions_of(data).assign(model="gpt-9"), data, data.cost_usd, "router", "x")


def test_decisions_of_other_queries_do_not_fit(data: LabelMatrix) -> None:
    with pytest.raises(InputError, match="no decision fits"):
        align_decisions(decisions_of(data).assign(query_id="elsewhere"), data, data.cost_usd, "router", "x")


def test_a_missing_column_is_named(data: LabelMatrix) -> None:
    with pytest.raises(InputError, match="effort"):
        align_decisions(decisions_of(data).drop(columns="effort"), data, data.cost_usd, "router", "x")


def test_one_point_of_a_sweep_keeps_its_queries(data: LabelMatrix) -> None:
    picks = np.tile([0, 1, 2], (data.n, 1))
    point = sweep_of_picks("a", "A", picks, data.correct, data.cost_usd).point(1)
    np.testing.assert_array_equal(point.correct[:, 0], data.correct[:, 1])
