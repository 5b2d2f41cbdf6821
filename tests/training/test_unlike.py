"""The rule for requests unlike the labels: learnt from tasks left out, and off where they do not ask for it."""

import numpy as np
import pytest

from router.estimate.blend import Drift
from router.objective import choose, weighed
from training.evidence import fit_evidence
from training.unlike import COVERED, LeftOut, choose_caution, fit_drift


def world(shift: float, tasks: int = 12, each: int = 80, seed: int = 0):
    """Tasks whose log-odds lie apart from the estimates by a normal shift; two routes, the second one dear."""
    rng = np.random.default_rng(seed)
    task = np.repeat(np.arange(tasks), each)
    z = rng.normal([0.5, 0.8], 0.5, (len(task), 2))
    moved = z + shift * rng.normal(size=(tasks, 2))[task]
    correct = (rng.random(z.shape) < 1 / (1 + np.exp(-moved))).astype(float)
    return LeftOut(1 / (1 + np.exp(-z)), np.full(len(task), 0.5), task), correct


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.0])
def test_the_spread_of_tasks_is_found_and_the_intervals_hold_their_means(shift: float) -> None:
    seen, correct = world(shift)
    drift, told = fit_drift(seen, correct, fit_evidence(seen.p, correct))
    assert drift.spread == pytest.approx(shift, abs=0.25)
    assert told["left_out_tasks_covered"] >= COVERED and told["width"] >= told["width_without"]
    assert told["left_out_tasks_covered"] >= told["covered_without"]


def test_an_interval_widens_with_unlikeness_and_still_holds_the_estimate() -> None:
    seen, correct = world(0.0)
    evidence, p = fit_evidence(seen.p, correct), np.array([0.3, 0.95])
    widths = []
    for unlike in (0.0, 0.2, 0.6, 1.0):
        low, high = evidence.interval(p, unlike, Drift(0.8, 2.0))
        assert (low <= p).all() and (p <= high).all() and (low > 0).all() and (high < 1).all()
        widths.append(high - low)
    assert (np.diff(np.array(widths), axis=0) >= 0).all() and (widths[-1] > widths[0]).all()


def test_caution_is_bought_where_left_out_tasks_gain_by_it_and_nowhere_else() -> None:
    seen, _ = world(0.0)
    rng = np.random.default_rng(1)
    paid = np.tile([0.001, 0.003], (len(seen.p), 1))
    better = (rng.random(seen.p.shape) < [0.3, 0.95]).astype(float)  # the dear route is far better than believed
    same = (rng.random(seen.p.shape) < 0.6).astype(float)
    told = choose_caution(seen, paid, better, paid, 0.01)
    assert told["caution"] > 1 and told["accuracy_with"] > told["accuracy_without"]
    assert told["usd_with"] > told["usd_without"] and told["gain_usd"] > told["gain_standard_error"]
    assert choose_caution(seen, paid, same, paid, 0.01)["caution"] == 1.0
    few = LeftOut(seen.p, seen.unlike, np.minimum(seen.task, 3))
    assert choose_caution(few, paid, better, paid, 0.01) == {"caution": 1.0}


def test_weighing_moves_only_requests_unlike_the_labels_to_the_better_route() -> None:
    p, usd = np.tile([0.6, 0.7], (2, 1)), np.tile([0.001, 0.003], (2, 1))
    counted = weighed(p, np.array([0.0, 1.0]), 4.0)
    assert choose(counted, usd, 0.01).tolist() == [0, 1]
    assert choose(counted, usd, 0.0).tolist() == [0, 0] and choose(counted, usd, np.inf).tolist() == [1, 1]
