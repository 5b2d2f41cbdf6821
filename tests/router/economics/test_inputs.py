"""Impossible inputs are refused, and the error names the field."""

from decimal import Decimal

import pytest

from router.economics.caching import CachedPrompt
from router.economics.chapters import make_plan
from router.economics.commercial import Allocation
from router.economics.hosting import Machine
from router.economics.kv_cache import ModelShape
from router.economics.meters import Call
from router.economics.mix import Mix
from router.economics.waiting import Waiting
from router.errors import InputError

MACHINE = {"usd_per_hour": 20, "output_tokens_per_second": 3000}
CACHED = {"prefix_tokens": 1000, "calls_per_day": 10}
LEG = {"name": "all", "usd_per_call": 1}


@pytest.mark.parametrize(
    ("shape", "given", "field"),
    [
        (Machine, {**MACHINE, "utilisation": 1.2}, "utilisation"),
        (Machine, {**MACHINE, "utilisation": 0}, "utilisation"),
        (Machine, {**MACHINE, "benchmark_derating": 0.5}, "benchmark_derating"),
        (Call, {"input_tokens": -1}, "input_tokens"),
        (Call, {"input_tokens": 1.5}, "input_tokens"),
        (Call, {"input_tokens": 10, "cached_input_tokens": 11}, "cached_input_tokens"),
        (CachedPrompt, {**CACHED, "writes_per_day": 0}, "writes_per_day"),
        (CachedPrompt, {**CACHED, "writes_per_day": 11}, "writes_per_day"),
        (CachedPrompt, {**CACHED, "writes_per_day": 1, "reads_per_write": 1}, "writes_per_day"),
        (Waiting, {"usd_per_day": 1, "batch_share": 0.7, "off_peak_share": 0.7}, "batch_share"),
        (Waiting, {"usd_per_day": float("nan")}, "usd_per_day"),
        (Mix, {"legs": [{**LEG, "share": 0.9}], "baseline_usd_per_call": 1}, "legs"),
        (Mix, {"legs": [{**LEG, "share": 1.5}], "baseline_usd_per_call": 1}, "legs.0.share"),
        (Allocation, {"usd": 1, "tenants": [], "token_weight": 0.7}, "tenants"),
        (
            ModelShape,
            {"layers": 1, "attention_heads": 9, "kv_heads": 2, "head_dim": 1, "parameters_billion": 1},
            "kv_heads",
        ),
    ],
)
def test_the_impossible_is_refused_by_name(shape, given, field):
    with pytest.raises(InputError) as caught:
        shape.read(given)
    assert caught.value.field == field
    assert caught.value.cure


def test_an_unknown_field_names_its_neighbours():
    with pytest.raises(InputError, match="utilisation") as caught:
        Machine.read({**MACHINE, "utilization": 0.5})
    assert caught.value.field == "utilization"


def test_a_missing_field_is_named_by_its_path():
    with pytest.raises(InputError) as caught:
        make_plan("hosting", {"machines": [{"name": "a", "usd_per_hour": 20}]})
    assert caught.value.field == "machines.0.output_tokens_per_second"


def test_numbers_stay_as_they_were_written():
    assert Machine.read({**MACHINE, "usd_per_hour": 0.1}).usd_per_hour == Decimal("0.1")
