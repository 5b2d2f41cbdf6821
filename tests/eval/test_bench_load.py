"""What the load figures are made of: arrivals, ratios, slopes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from eval.bench_load import _ratio, _slope, sped_up


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


def test_a_flat_memory_has_no_slope_and_a_leak_has_its_own() -> None:
    flat = [(float(second), 300.0) for second in range(60)]
    assert _slope(flat, 100.0).startswith(("+0.00", "-0.00"))
    leak = [(second, 300.0 + 0.2 * second) for second, _ in flat]
    assert _slope(leak, 100.0).startswith("+2.00")
