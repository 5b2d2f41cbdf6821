"""The replay of drift: quiet traffic is counted whole, planted changes are found, and nothing else."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from eval.drift_replay import Pool, busy_days, outcomes_until_found, quiet_days, worse
from router.drift.sources import INPUTS
from router.drift.stream import RankStream, ResidualStream


@pytest.fixture
def pool() -> Pool:
    rng, n = np.random.default_rng(0), 400
    p = rng.uniform(0.6, 1.0, n)
    return Pool(
        tasks=np.array(["x", "y"] * (n // 2), dtype=object),
        routes=np.array(["m|none"] * n, dtype=object),
        p=p,
        correct=(rng.random(n) < p).astype(float),
        log_cost=rng.normal(0, 0.3, n),
        log_latency=rng.normal(0, 0.3, n),
        inputs=rng.normal(0, 1, (n, len(INPUTS))),
    )


def test_quiet_traffic_cries_at_nothing(tmp_path: Path, pool: Pool) -> None:
    rows = [{"window_start_s": 600 * i, "client": c, "requests_per_s": 20.0} for i in range(20) for c in "ab"]
    pd.DataFrame(rows).to_parquet(tmp_path / "trace.parquet")
    found = quiet_days(tmp_path / "trace.parquet", pool)
    assert found.alarms == () and found.requests == pytest.approx(240, abs=60)


def test_a_planted_drop_is_found_sooner_the_larger_it_is(pool: Pool) -> None:
    rng, usual = np.random.default_rng(1), pool.correct - pool.p

    def wait(points: float) -> float:
        after = worse(pool, points, rng).correct - pool.p
        return float(np.median(outcomes_until_found(lambda: ResidualStream(learn=False), usual, after, 5, 5000)))

    assert wait(0.3) < wait(0.1) < np.inf


def test_dearer_calls_are_found_and_equal_ones_are_not(pool: Pool) -> None:
    dearer = outcomes_until_found(RankStream, pool.log_cost, pool.log_cost + 0.3, 3, 1000)
    assert np.isfinite(dearer).all()
    assert np.isinf(outcomes_until_found(RankStream, pool.log_cost, pool.log_cost, 3, 500)).all()


def test_many_stationary_inputs_cry_at_nothing(pool: Pool) -> None:
    """Blocks of any size: all that several processes saw in a minute is one block."""
    assert busy_days(pool, 1_000, tenants=2, days=0.02) == []
