from decimal import Decimal

import pytest

from router.economics.chapters import make_plan
from router.economics.hardware import find_hardware, known_hardware
from router.errors import InputError


def test_a_range_is_planned_with_its_middle():
    h100 = find_hardware("8x-h100-sxm", "known")
    assert (h100.capex_usd, h100.rental_usd_per_hour) == (Decimal(255_000), Decimal(20))


def test_a_machine_without_a_known_throughput_must_be_told_one():
    with pytest.raises(InputError) as caught:
        make_plan("hosting", {"machines": [{"known": "8x-gaudi-3", "usd_per_hour": 10}]})
    assert caught.value.field == "machines.0.output_tokens_per_second"


def test_typed_numbers_win_over_known_ones():
    plan = make_plan("hosting", {"machines": [{"known": "8x-h100-sxm", "usd_per_hour": 10}]})
    assert plan.tables[0].rows[0][:2] == ("8x-h100-sxm", Decimal(10))


def test_an_unknown_machine_names_the_known_ones():
    with pytest.raises(InputError, match="8x-b200-sxm") as caught:
        make_plan("hosting", {"machines": [{"known": "8x-b300"}]})
    assert caught.value.field == "machines.0.known"


def test_every_machine_says_what_it_costs():
    assert all(one.capex_usd or one.rental_usd_per_hour for one in known_hardware().values())
