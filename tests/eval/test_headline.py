import numpy as np
import pytest

from eval.headline import Headline, compare_at_equal_spend, compare_with_singles, headline, mix_at
from eval.sweeps import Sweep, sweep_of_picks

N = 2000


def told(
    router: tuple[float, float], singles: list[tuple[float, float]], table: tuple[float, float] | None = None
) -> Headline:
    """A world in which every policy spends and is right as given, exactly."""
    order = (np.random.default_rng(0).permutation(N) + 0.5) / N  # the same queries are easy for all, as in life

    def sweep(name: str, label: str, at: tuple[float, float]) -> Sweep:
        return Sweep(name, label, np.full((N, 1), at[0]), (order < at[1]).astype(float)[:, None])

    point, always = sweep("router", "demo", router), [sweep("s", f"m{i}|none", s) for i, s in enumerate(singles)]
    usd, correct = (np.hstack([getattr(one, cells) for one in always]) for cells in ("usd", "correct"))
    compared = compare_with_singles(point, [one.label for one in always], usd, correct, 200, 0)
    references = [sweep("task_mean", "Task-mean table", table)] if table else []
    against = compare_at_equal_spend(point, references, 200, 0) if references else ()
    return headline("demo", False, point, compared[-1], compared, against)


def test_a_saving_is_told_in_dollars_with_its_price_in_accuracy() -> None:
    found = told((0.0006, 0.79), [(0.0001, 0.6), (0.0011, 0.803)])
    assert found.verdict == "route"
    assert found.sentence.startswith("Route with demo: 79.0\u202f% correct at $0.60 per 1,000 requests, against 80.3")
    assert "saves $0.50 per 1,000 requests (45" in found.sentence and "points of accuracy" in found.sentence


def test_a_table_that_does_as_well_is_named() -> None:
    found = told((0.0006, 0.79), [(0.0001, 0.6), (0.0011, 0.803)], table=(0.0006, 0.79))
    assert found.verdict == "no clear gain" and "the task-mean table does as well" in found.sentence


def test_a_table_that_is_better_stops_the_routing() -> None:
    found = told((0.0006, 0.79), [(0.0001, 0.6), (0.0011, 0.803)], table=(0.0005, 0.83))
    assert found.verdict == "do not route" and "task-mean table gives 83.0" in found.sentence


def test_a_better_cheaper_single_route_stops_the_routing() -> None:
    found = told((0.0006, 0.7), [(0.0005, 0.78), (0.002, 0.81)])
    assert found.verdict == "do not route" and "always m0|none gives 78.0" in found.sentence


def test_a_cheaper_single_route_of_equal_accuracy_is_kept() -> None:
    found = told((0.0006, 0.78), [(0.0005, 0.78), (0.002, 0.81)])
    assert found.verdict == "no clear gain" and found.sentence.startswith("Keep always m0|none")


def test_a_policy_that_always_answers_alike_changes_nothing() -> None:
    found = told((0.0005, 0.78), [(0.0001, 0.5), (0.0005, 0.78)])
    assert found.verdict == "no clear gain" and "routing changes nothing" in found.sentence


def test_mixing_reaches_the_spend_between_two_points() -> None:
    correct, costs = np.tile([0.0, 1.0], (10, 1)), np.tile([1.0, 3.0], (10, 1))
    sweep = sweep_of_picks("a", "A", np.tile([0, 1], (10, 1)), correct, costs)
    for usd, spent, right in ((1.5, 1.5, 0.25), (0.1, 1.0, 0.0), (9.0, 3.0, 1.0)):
        paid, hit = mix_at(sweep, usd)
        assert (paid.mean(), hit.mean()) == (pytest.approx(spent), pytest.approx(right))
