"""What the load figures are made of: arrivals, ratios, rounds."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from eval.bench_load import _of_rounds, _ratio, sped_up


def test_a_trace_is_sped_up_to_a_rate_with_its_own_gaps(tmp_path: Path) -> None:
    arrivals = np.cumsum([0.0, 1.0, 3.0, 1.0, 5.0] * 40)
    pd.DataFrame({"seconds": arrivals}).to_parquet(tmp_path / "t.parquet")
    moments = sped_up(tmp_path / "t.parquet", per_second=10.0, seconds=10.0)
    assert len(moments) == 100 and moments[0] == 0.0 and moments[-1] == pytest.approx(10.0)
    gaps, own = np.diff(moments), np.diff(arrivals[:100])
    np.testing.assert_allclose(gaps / gaps.sum(), own / own.sum(), atol=1e-9)


def test_a_ratio_of_equals_is_one() -> None:
    times = list(np.random.default_rng(1).gamma(2.0, size=50))
    assert _ratio(times, times) == "1.00 [1.00, 1.00]"


def test_a_trace_that_is_too_short_begins_anew(tmp_path: Path) -> None:
    pd.DataFrame({"seconds": [0.0, 1.0, 3.0]}).to_parquet(tmp_path / "t.parquet")
    moments = sped_up(tmp_path / "t.parquet", per_second=1.0, seconds=8.0)
    np.testing.assert_allclose(np.diff(moments, prepend=0.0), np.array([0, 1, 2, 0, 1, 2, 0, 1]) * 8 / 7)


def test_rounds_have_an_interval() -> None:
    assert _of_rounds([0.8, 0.8, 0.8]) == "0.80 [0.80, 0.80]"
    assert _of_rounds([0.7, 0.8, 0.9]) == "0.80 [0.55, 1.05]"
