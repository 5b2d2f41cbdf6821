from pathlib import Path

import pandas as pd
import pytest

from eval.traces import window_loads
from router.economics.capacity import RULES, Traffic, capacity
from router.errors import InputError

REAL = Path(__file__).parents[3] / "shared" / "data" / "traffic"


@pytest.fixture
def arrivals(tmp_path):
    path = tmp_path / "trace.csv"
    times = [0.0, 1.0, 59.0, 60.0, 200.0, 250.0]
    pd.DataFrame({"seconds": times, "input_tokens": [10] * 6, "output_tokens": [1] * 6}).to_csv(path, index=False)
    return path


def test_empty_windows_count_and_the_cut_last_one_does_not(arrivals):
    assert window_loads(arrivals, 60) == pytest.approx((3 / 60, 1 / 60, 0.0, 1 / 60))
    assert window_loads(arrivals, 60, "input_tokens")[0] == 0.5


def test_rates_of_clients_add_up(tmp_path):
    path = tmp_path / "rates.csv"
    rows = {"client": ["a", "b", "a", "b"], "window_start_s": [0, 0, 600, 600], "requests_per_s": [1, 2, 3, 4]}
    pd.DataFrame(rows).to_csv(path, index=False)
    assert window_loads(path, 600) == (3.0, 7.0)
    assert window_loads(path, 1200) == (5.0,)
    with pytest.raises(InputError, match="rates only"):
        window_loads(path, 600, "input_tokens")


def test_a_bad_arrival_is_named_by_its_row(tmp_path):
    path = tmp_path / "trace.csv"
    pd.DataFrame({"seconds": [0.0, -1.0]}).to_csv(path, index=False)
    with pytest.raises(InputError) as caught:
        window_loads(path, 60)
    assert (caught.value.field, caught.value.row) == ("seconds", 1)


def test_a_table_without_arrivals_is_refused(tmp_path):
    path = tmp_path / "trace.csv"
    pd.DataFrame({"x": [1]}).to_csv(path, index=False)
    with pytest.raises(InputError, match="no arrivals"):
        window_loads(path, 60)


@pytest.mark.skipif(not REAL.is_dir(), reason="the traffic traces are not beside the project")
def test_the_rules_keep_their_promise_on_a_real_fortnight_that_they_have_seen():
    """Within the sample; out of it, growth breaks them: see `plan_on_share`."""
    loads = window_loads(REAL / "servegen_m_small_14d.parquet", 600)
    for name, (percentile, _) in RULES.items():
        found = capacity(Traffic(loads_per_second=loads, window_seconds=600, workload=name))
        assert found.overloaded_share <= 1 - percentile + 1e-9
    seen, unseen = (
        capacity(Traffic(loads_per_second=loads, window_seconds=600, plan_on_share=part)) for part in (1.0, 0.5)
    )
    assert unseen.overloaded_share > seen.overloaded_share


@pytest.mark.skipif(not REAL.is_dir(), reason="the traffic traces are not beside the project")
@pytest.mark.parametrize("name", ["azure_2023_conv", "azure_2023_code", "mooncake_conversation"])
def test_no_request_of_a_real_trace_is_lost(name):
    path = REAL / f"{name}.parquet"
    loads = window_loads(path, 1.0)
    times = pd.read_parquet(path).iloc[:, 0] / (1000 if name.startswith("mooncake") else 1)
    whole = int(((times - times.min()) // 1 < len(loads)).sum())
    assert sum(loads) == pytest.approx(whole)
