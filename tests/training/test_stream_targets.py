"""Base rates, bases and amounts of a stream are those of all rows at once."""

import numpy as np
import pytest

from training.outcomes import level_and_contrasts, read_outcomes
from training.stream_targets import amount_targets, outcome_targets


class Part:
    """As much of a Batch as targets read."""

    def __init__(self, correct: np.ndarray, weight: np.ndarray, output_tokens: np.ndarray) -> None:
        self.correct, self.weight, self.output_tokens = correct, weight, output_tokens


def parts() -> tuple[Part, list[Part]]:
    rng = np.random.default_rng(0)
    correct = (rng.random((300, 4)) < [0.3, 0.5, 0.6, 0.9]).astype(float)
    correct[rng.random((300, 4)) < 0.3] = np.nan
    tokens = np.where(np.isnan(correct), np.nan, rng.lognormal(4, 1, (300, 4)))
    tokens[:, 3] = np.nan
    whole = Part(correct, rng.uniform(0.5, 2.0, (300, 4)), tokens)
    cut = [Part(whole.correct[p], whole.weight[p], tokens[p]) for p in (slice(100, 300), slice(0, 0), slice(0, 100))]
    return whole, cut


def test_rates_and_basis_are_those_of_outcomes_in_memory() -> None:
    whole, cut = parts()
    outcomes = read_outcomes(whole.correct, None, whole.weight)
    streamed = outcome_targets(lambda: iter(cut), None)  # type: ignore[arg-type, return-value]
    assert streamed.base == pytest.approx(outcomes.base, abs=1e-12)
    assert np.abs(streamed.basis) == pytest.approx(np.abs(level_and_contrasts(outcomes.residual)), abs=1e-9)


def test_amounts_keep_their_bounds_and_a_route_without_any_borrows() -> None:
    whole, cut = parts()
    found = amount_targets(lambda: iter(cut), "output_tokens", 1.0)  # type: ignore[arg-type, return-value]
    assert found is not None
    assert found.least[0] == np.nanmin(whole.output_tokens[:, 0]) and found.most[3] == np.nanmax(whole.output_tokens)
    assert found.centre[0] == pytest.approx(np.nanmean(np.log(whole.output_tokens[:, 0] + 1)))
    assert found.centre[3] == pytest.approx(found.centre[:3].mean(), abs=0.1)


def test_nothing_measured_is_nothing_to_learn() -> None:
    nothing = Part(np.ones((3, 2)), np.ones((3, 2)), np.full((3, 2), np.nan))
    assert amount_targets(lambda: iter([nothing]), "output_tokens", 1.0) is None  # type: ignore[arg-type]
