"""Rows of the log become arrays: what tells nothing is left aside and counted, gaps are filled with means."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from router.decisions import Outcome
from router.off_policy.logged import Row, logged_of

AT = datetime(2026, 3, 1, tzinfo=UTC)


def row(name: str, correct: float | None = None, **other: Any) -> Row:
    """A decision for route a, beside b."""
    options = [{"route": key, "p_correct": p, "expected_usd": 0.1} for key, p in (("a", 0.7), ("b", None))]
    made = {"decision_id": name, "action": "route", "route": "a", "propensity": 1.0, "options": options, "at": AT}
    made |= {"policy": "v", "task": None, "tenant": "acme", "text_sha256": "x", "text": None, "context_chars": 0}
    made |= other
    return made, None if correct is None else Outcome(name, "acme", correct=correct)


def test_what_was_explored_has_every_route_s_probability() -> None:
    explored = {"best": "a", "probabilities": {"a": 0.9, "b": 0.1}}
    found = logged_of([row("d1", 1.0), row("d2", route="b", propensity=0.1, exploration=explored)])
    assert found.probability.tolist() == [[1.0, 0.0], [0.9, 0.1]]
    assert found.propensity.tolist() == [1.0, 0.1]
    assert found.taken.tolist() == [0, 1] and found.best.tolist() == [0, 0]
    assert found.correct[0] == 1.0 and np.isnan(found.correct[1])


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"action": "cached"}, "answered from the cache"),
        ({"action": "fallback"}, "answered by the safe route"),
        ({"options": [{"route": "a", "plan": {}}]}, "plans of several calls"),
        ({"exploration": {"again": True}}, "decided again after a refusal"),
    ],
)
def test_what_tells_nothing_of_another_policy_is_counted_aside(other: dict[str, Any], why: str) -> None:
    found = logged_of([row("d1", **other), row("d2")])
    assert found.decision_id.tolist() == ["d2"] and found.left_aside == {why: 1}


def test_a_subset_keeps_rows_together() -> None:
    found = logged_of([row("d1", 0.0), row("d2", 1.0)]).subset(np.array([False, True]))
    assert (found.n, found.decision_id.tolist(), found.correct.tolist()) == (1, ["d2"], [1.0])


def test_gaps_are_a_route_s_mean_else_the_mean_outcome() -> None:
    found = logged_of([row("d1", 0.0), row("d2", 1.0)])
    estimates = np.array([[0.2, np.nan], [np.nan, np.nan]])
    assert found.filled(estimates, found.correct).tolist() == [[0.2, 0.5], [0.2, 0.5]]


def test_an_empty_log_is_empty_arrays() -> None:
    found = logged_of([])
    assert found.n == 0 and found.probability.shape == (0, 0) and found.left_aside == {}
