import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.economics.capacity import RULES, Traffic, capacity
from router.errors import InputError

LOADS = st.lists(st.floats(0, 1e6), min_size=1, max_size=200)


@given(LOADS, st.sampled_from(sorted(RULES)))
@example([64.0, 3e-06], "batch")
def test_no_more_windows_are_over_than_the_rule_leaves(loads, workload):
    percentile, _ = RULES[workload]
    found = capacity(Traffic(loads_per_second=tuple(loads), window_seconds=60, workload=workload))
    assert found.overloaded_share <= 1 - percentile + 1e-9
    assert 0 <= found.overflow_share <= 1
    assert found.utilisation <= 1 + 1e-9


def test_the_percentile_is_numpys_inverted_cdf():
    loads = np.random.default_rng(0).exponential(5, 1000)
    found = capacity(Traffic(loads_per_second=tuple(loads), window_seconds=60, workload="free"))
    assert found.percentile_load == np.quantile(loads, 0.9, method="inverted_cdf")


def test_whole_machines_are_bought():
    loads = tuple(float(i) for i in range(1, 101))
    traffic = Traffic(
        loads_per_second=loads, window_seconds=60, workload="steady", unit_capacity_per_second=50, usd_per_unit_hour=20
    )
    found = capacity(traffic)
    assert (found.percentile_load, found.units, found.needed, found.usd_per_hour) == (95, 3, 150, 60)


def test_a_plan_is_checked_on_windows_it_has_not_seen():
    loads = (1.0,) * 50 + (10.0,) * 50
    found = capacity(Traffic(loads_per_second=loads, window_seconds=60, plan_on_share=0.5))
    assert found.needed == pytest.approx(1.3)
    assert (found.overloaded_share, found.windows_checked_on) == (1.0, 50)


@pytest.mark.parametrize(
    "loads, unit", [((1.8e308,), 1.8e308), ((1.0,), 5e-324), ((-1.0,), 1.0), ((1e12,), 1e-4)], ids=str
)
def test_loads_and_units_beyond_counting_are_refused(loads, unit):
    with pytest.raises(InputError, match=r"loads_per_second|unit_capacity"):
        Traffic.read({"loads_per_second": loads, "window_seconds": 60, "unit_capacity_per_second": unit})


def test_the_most_units_there_can_be_are_a_number_that_json_holds():
    found = capacity(
        Traffic(loads_per_second=(1e12,), window_seconds=60, workload="critical", unit_capacity_per_second=1e-3)
    )
    assert found.units is not None and found.units < 2**63
