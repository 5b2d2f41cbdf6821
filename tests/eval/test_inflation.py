"""What a dressed-up text is said to have moved."""

import random
from pathlib import Path

import numpy as np
import pytest

from eval.decide import Queries
from eval.inflation import bound, held_out, line, measure
from eval.inflation_attacks import ATTACKS, CONTROLS
from router.errors import InputError
from router.policy import Policy, text_digest
from router.requests import Request

USD = np.array([[1.0, 3.0]] * 4)


def test_shares_and_costs_are_counted_on_the_plain_requests() -> None:
    moved = measure(np.array([0, 0, 1, 1]), USD, np.array([1, 0, 0, 1]), "base64")
    assert (moved.dearer[0], moved.cheaper[0], moved.usd[0]) == (0.25, 0.25, 0.0)
    assert moved.dearer[1] <= 0.25 <= moved.dearer[2] and not moved.control
    assert "25.0%" in line(moved)


def test_the_bound_is_the_dearest_route_that_was_ever_chosen(write_policy) -> None:
    policy = Policy.load(write_policy())
    worst = bound(policy, np.zeros(4, int), USD, {0, 1})
    assert (worst.dearer[0], worst.usd[0], worst.attack) == (1.0, 2.0, "all on gpt-4o|none")
    assert bound(policy, np.zeros(4, int), USD, {0}).usd[0] == 0.0


def test_nothing_moved_is_nothing_paid() -> None:
    moved = measure(np.zeros(4, int), USD, np.zeros(4, int), "both, three times")
    assert moved.dearer == moved.cheaper == moved.usd == (0.0, 0.0, 0.0) and moved.control


@pytest.mark.parametrize("name", [*ATTACKS, *CONTROLS])
def test_every_change_changes_the_text_and_repeats(name: str) -> None:
    change = (ATTACKS | CONTROLS)[name]
    text = "Which enzyme is deficient in phenylketonuria?"
    assert change(text, random.Random(0)) == change(text, random.Random(0)) != text


def test_queries_that_were_trained_on_are_left_out(write_policy, tmp_path: Path) -> None:
    policy = Policy.load(write_policy())
    texts = ("seen", "new")
    queries = Queries(texts, tuple(Request.from_prompt(text) for text in texts))
    policy.trained_on = lambda: frozenset({text_digest("seen")})  # type: ignore[method-assign]
    assert held_out(policy, queries, 10).ids == ("new",)
    policy.trained_on = lambda: frozenset(map(text_digest, texts))  # type: ignore[method-assign]
    with pytest.raises(InputError, match="trained on"):
        held_out(policy, queries, 10)
