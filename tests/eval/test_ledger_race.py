"""Racing processes keep a strict limit, and false denials are counted once for the same room."""

from pathlib import Path

import pytest

from eval.ledger_load import Cost, Tried
from eval.ledger_race import _false_denials, race
from router.spend.budgets import Estimate


def test_a_false_denial_is_one_that_would_have_fit_in_the_end() -> None:
    """Ten were to be had: four are left, of which the first two denials would have taken three."""
    tried = [Tried(1, True, 6), Tried(2, False, 5), Tried(3, False, 1), Tried(4, False, 2), Tried(5, False, 2)]
    assert _false_denials(tried, 10) == (2 / 5, 3 / 5)


@pytest.mark.real
def test_a_strict_budget_is_never_overspent_by_racing_processes(tmp_path: Path) -> None:
    costs = [Cost(Estimate(10**9, 2 * 10**9, 3 * 10**9), 10**8 * amount) for amount in range(1, 30)]
    told = {what: value for what, value, _, _ in race(tmp_path, costs, "made up", races=1, only="strict")}
    strict = next(value for what, value in told.items() if "strict" in what)
    assert strict.startswith("overspent in 0% of races")
