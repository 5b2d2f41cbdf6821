from decimal import Decimal

from router.economics.ownership import Owned, owned_cost

D = Decimal


def test_the_years_add_up():
    owned = Owned(
        hardware_usd=D(300_000),
        resale_usd=D(60_000),
        years=3,
        power_kilowatts=D(10),
        usd_per_kilowatt_hour=D("0.10"),
        cooling_share=D("0.5"),
        colocation_usd_per_kilowatt_month=D(500),
        maintenance_usd_per_year=D(25_000),
        staff_full_time=D("0.25"),
        staff_usd_per_full_time=D(320_000),
    )
    cost = owned_cost(owned)
    assert cost.years[0].total == 80_000 + 8_760 + 4_380 + 60_000 + 25_000 + 80_000
    assert cost.usd == 3 * cost.years[0].total
    assert cost.usd_per_hour * 8760 * 3 - cost.usd < D("1e-15")


def test_running_costs_rise_and_hardware_does_not():
    owned = Owned(
        hardware_usd=D(90), years=3, staff_full_time=D(1), staff_usd_per_full_time=D(100), yearly_increase=D("0.1")
    )
    assert [one.staff for one in owned_cost(owned).years] == [100, 110, 121]
    assert {one.hardware for one in owned_cost(owned).years} == {D(30)}
