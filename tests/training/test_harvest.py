"""A log becomes a label set: weighted, merged with labelled evals, its selection bias said, and fit to train on."""

from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest

from router.decisions import Outcome
from router.errors import InputError
from router.labels import build_labels
from training.harvest import MOST_WEIGHT, harvest
from training.outcomes import read_outcomes

AT = datetime(2026, 3, 1, tzinfo=UTC)
A, B = "gpt-4o-mini|none", "gpt-4o|none"


def logged(i: int, route: str, propensity: float, correct: float | None = 1.0, text: str | None = None, **more):
    said = f"What is {i} + 2?" if text is None else text
    other = B if route == A else A
    chances = {route: propensity, other: 1 - propensity} if propensity < 1 else {route: 1.0}
    row = {
        "decision_id": f"d{i}",
        "tenant": "acme",
        "at": AT,
        "action": "route",
        "policy": "p1",
        "route": route,
        "propensity": propensity,
        "options": [{"route": key, "p_correct": 0.5, "expected_usd": 0.001} for key in (route, other)],
        "exploration": {"best": A, "probabilities": chances},
        "task": "sums",
        "context_chars": len(said),
        "text": said,
        "text_sha256": sha256(said.encode()).hexdigest(),
    } | more
    outcome = Outcome(f"d{i}", "acme", correct=correct, usd=Decimal("0.001"), output_tokens=7)
    return row, outcome if correct is not None else None


def test_a_route_stands_for_the_requests_it_was_not_chosen_for():
    """Route b is right on hard requests only; it is explored there ten times as often as elsewhere."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(2_000):
        hard = i % 2 == 0
        propensity = 0.5 if hard else 0.05
        takes_b = rng.random() < propensity
        rows.append(logged(i, B if takes_b else A, propensity if takes_b else 1 - propensity, float(hard)))
    data = build_labels(harvest(rows).table)
    column = [route.key for route in data.routes].index(B)
    plain, weighted = (read_outcomes(data.correct, weight=weight).base[column] for weight in (None, data.weight))
    assert plain > 0.85 and weighted == pytest.approx(0.5, abs=0.1)
    assert np.nanmax(data.weight) <= MOST_WEIGHT


def test_what_is_known_of_a_row_is_kept():
    table = harvest([logged(1, A, 0.9)]).table
    one = table.iloc[0]
    assert (one["model"], one["effort"], one["correct"], one["cost_usd"]) == ("gpt-4o-mini", "none", 1.0, 0.001)
    assert one["output_tokens"] == 7 and one["split"] == "train" and one["propensity"] == 0.9


def test_a_labelled_query_gets_more_cells_and_keeps_its_name():
    labels = pd.DataFrame(
        {"query_id": ["q1"], "task": ["evals"], "prompt": ["What is 1 + 2?"], "model": ["gpt-4o"], "effort": ["none"]}
    ).assign(correct=1.0)
    found = harvest([logged(1, A, 0.9, 0.0), logged(2, A, 0.9)], labels)
    data = build_labels(found.table)
    assert data.n == 2 and "q1" in data.query_ids
    row = data.query_ids.index("q1")
    assert data.correct[row].tolist() == [1.0, 0.0] and data.tasks[row] == "evals"
    assert data.weight is not None and data.weight[row, 0] == 1.0


def test_texts_are_found_by_their_hash():
    row, outcome = logged(1, A, 0.9)
    hidden = [(row | {"text": None}, outcome)]
    with pytest.raises(InputError, match="--prompts"):
        harvest(hidden)
    assert harvest(hidden, prompts={row["text_sha256"]: row["text"]}).table["prompt"].tolist() == ["What is 1 + 2?"]


def test_selection_bias_is_said():
    rows = [logged(i, A, 1.0, 1.0 if i < 40 else None, task="a" if i < 50 else "b") for i in range(100)]
    notes = "\n".join(harvest(rows).notes)
    assert "only 40.0%" in notes and "grading is uneven" in notes and "nothing was explored" in notes


def test_what_tells_nothing_is_left_aside():
    rows = [logged(1, A, 0.9), logged(2, A, 1.0, action="cached"), logged(3, A, 1.0, exploration={"again": True})]
    found = harvest(rows)
    assert found.harvested == 1 and any("from the cache" in note for note in found.notes)


def test_ungraded_logs_are_refused():
    with pytest.raises(InputError, match="correct"):
        harvest([logged(1, A, 1.0, None)])
