"""Streams rest while their level holds, whatever their scale, and tell what moved."""

import numpy as np
import pytest

from router.drift.stream import RANKS_LEARNED, REFERENCE, THRESHOLD, RankStream, ResidualStream


def fed(stream, values: np.ndarray, block: int = 20):
    for start in range(0, len(values), block):
        stream.feed(values[start : start + block])
    return stream


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_a_heavy_tailed_stream_rests(scale: float) -> None:
    values = np.random.default_rng(0).pareto(1.1, 6000) * scale
    assert fed(RankStream(), values).detector.log_evidence < THRESHOLD / 2


def test_a_constant_stream_rests_and_notices_when_it_is_none_any_more() -> None:
    assert fed(RankStream(), np.ones(3000)).detector.log_evidence < THRESHOLD
    assert fed(fed(RankStream(), np.ones(600)), np.full(300, 2.0)).detector.log_evidence > THRESHOLD


def test_a_shift_is_found_and_its_levels_told() -> None:
    rng = np.random.default_rng(1)
    stream = fed(RankStream(), np.concatenate([rng.normal(0, 1, REFERENCE + 200), rng.normal(0.5, 1, 1000)]))
    assert stream.detector.log_evidence > THRESHOLD and stream.detector.side == "up"
    before, now = stream.levels()
    assert abs(before) < 0.15 and 0.3 < now < 0.7


def test_ranks_are_those_of_the_reference() -> None:
    stream = RankStream()
    assert stream.feed(np.arange(REFERENCE, dtype=float)).size == 0
    assert stream.feed(np.array([-1.0, 249.5, 1000.0])).tolist() == [0.0, 0.5, 1.0]


def test_a_reference_that_missed_the_level_is_mended_before_it_is_taken_for_drift() -> None:
    """The first 500 are .12 standard deviations off, as happens once in 500 streams; then very many follow."""
    values = np.random.default_rng(5).normal(0, 1, 200_000)
    values[:REFERENCE] += 0.12 - values[:REFERENCE].mean()
    stream = fed(RankStream(), values, block=2_000)
    assert stream.detector.log_evidence < THRESHOLD and len(stream.reference) == RANKS_LEARNED
    residuals = np.random.default_rng(6).choice([-0.8, 0.2], 200_000, p=[0.2, 0.8])
    residuals[:REFERENCE] -= 0.045 + residuals[:REFERENCE].mean()
    learning = fed(ResidualStream(learn=True), np.clip(residuals, -1, 1), block=2_000)
    assert learning.detector.log_evidence < THRESHOLD and learning.level == pytest.approx(0.0, abs=0.02)


def test_residuals_of_a_calibrated_policy_rest() -> None:
    rng = np.random.default_rng(2)
    p = rng.uniform(0.5, 1.0, 20_000)
    stream = fed(ResidualStream(learn=False), (rng.random(20_000) < p) - p)
    assert stream.detector.log_evidence < THRESHOLD


def test_five_points_fewer_right_answers_are_found() -> None:
    rng = np.random.default_rng(3)
    p = rng.uniform(0.6, 1.0, 6000)
    stream = fed(ResidualStream(learn=False), (rng.random(6000) < p - 0.05) - p)
    assert stream.detector.log_evidence > THRESHOLD and stream.detector.side == "down"


def test_a_slice_that_is_always_off_is_measured_from_its_own_level() -> None:
    rng = np.random.default_rng(4)
    stream = fed(ResidualStream(learn=True), (rng.random(4000) < 0.6) - 0.75)
    assert stream.levels()[0] == pytest.approx(-0.15, abs=0.06) and stream.detector.log_evidence < THRESHOLD
