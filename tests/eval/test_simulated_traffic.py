"""The simulated months: their truth is the table's, and the gate errs on them no more often than it says."""

import numpy as np
import pytest

from eval.simulated_traffic import HOURS, Traffic, false_promotions, null_pair, run


def traffic(better: float, cheaper: float) -> Traffic:
    """Two routes; the candidate takes the second on two of three queries."""
    rng = np.random.default_rng(0)
    correct = (rng.random((300, 2)) < np.array([0.7, 0.7 + better])).astype(float)
    usd = np.tile([0.001, 0.001 * cheaper], (300, 1))
    choice = (np.arange(300) % 3 > 0).astype(int)
    explored = np.tile([0.9, 0.1], (300, 1))
    p = np.full((300, 2), 0.7)
    return Traffic(correct, usd, p, usd, np.zeros(300, dtype=int), choice, explored, np.full(300, "a"))


@pytest.mark.parametrize("at_margin", [False, True])
def test_the_edge_is_exact(at_margin):
    made = null_pair(at_margin).executed()
    accuracy = made.correct.mean(axis=0)
    if at_margin:
        assert accuracy[1] - accuracy[0] == pytest.approx(-0.01)
    else:
        assert made.usd.mean(axis=0)[0] == pytest.approx(made.usd.mean(axis=0)[1], rel=1e-12)
        assert accuracy[0] == pytest.approx(accuracy[1], abs=1e-12)
    assert made.differ.mean() == pytest.approx(0.4)


def test_both_sources_know_how_difficult_a_request_is():
    """The null is exact in every slice, or a slice would decide what the whole is to show."""
    made = null_pair(False)
    log, query, _ = made.logged()
    executed = made.executed()
    assert (log.difficulty == executed.difficulty[query]).all() and len(set(executed.difficulty)) == 3
    for name, _ in executed.names("difficulty"):
        accuracy = executed.of("difficulty", name).correct.mean(axis=0)
        assert accuracy[0] == pytest.approx(accuracy[1], abs=1e-12)


def test_better_is_promoted_and_worse_rejected_within_the_month():
    good, bad = run(traffic(0.1, 0.5), seed=1, per_hour=2_000), run(traffic(-0.3, 0.5), seed=1, per_hour=2_000)
    assert good.verdict.promoted and bad.verdict.decision == "reject"
    assert good.hours < HOURS and bad.requests == bad.hours * 2_000


def test_log_figures_average_to_the_truth():
    made = traffic(0.1, 0.5)
    log, query, route = made.logged()
    chance = made.probability[query, route] / made.n
    truth = made.executed()
    assert chance @ log.correct == pytest.approx(truth.correct.mean(axis=0))
    assert chance @ log.usd == pytest.approx(truth.usd.mean(axis=0))


def test_peeking_fools_a_plain_interval_and_not_the_gate():
    found = false_promotions(null_pair(False), runs=120, hours=120)
    assert found.gate <= 3 < found.plain
