"""What a machine costs to own for some years: hardware, power, cooling, space, maintenance and people."""

from dataclasses import dataclass
from decimal import Decimal

from pydantic import Field

from router.economics.inputs import HOURS_PER_YEAR, Amount, Inputs, Share

_MONTHS = 12


class Owned(Inputs):
    """One node. `cooling_share` is of power; prices rise by `yearly_increase` from the second year on."""

    hardware_usd: Amount
    years: int = Field(default=3, ge=1, le=15)
    resale_usd: Amount = Decimal(0)
    power_kilowatts: Amount = Decimal(0)
    power_utilisation: Share = Decimal(1)
    usd_per_kilowatt_hour: Amount = Decimal(0)
    cooling_share: Amount = Decimal("0.4")
    colocation_usd_per_kilowatt_month: Amount = Decimal(0)
    networking_usd: Amount = Decimal(0)
    maintenance_usd_per_year: Amount = Decimal(0)
    staff_full_time: Amount = Decimal(0)
    staff_usd_per_full_time: Amount = Decimal(0)
    yearly_increase: Share = Decimal(0)


@dataclass(frozen=True)
class OwnedYear:
    """USD of one year by line item."""

    hardware: Decimal
    power: Decimal
    cooling: Decimal
    colocation: Decimal
    maintenance: Decimal
    staff: Decimal

    @property
    def total(self) -> Decimal:
        return sum(vars(self).values(), Decimal(0))


@dataclass(frozen=True)
class OwnedCost:
    years: tuple[OwnedYear, ...]

    @property
    def usd(self) -> Decimal:
        return sum((one.total for one in self.years), Decimal(0))

    @property
    def usd_per_year(self) -> Decimal:
        return self.usd / len(self.years)

    @property
    def usd_per_hour(self) -> Decimal:
        return self.usd_per_year / HOURS_PER_YEAR


def owned_cost(owned: Owned) -> OwnedCost:
    """Straight-line depreciation of hardware and networking less resale; running costs year by year."""
    hardware = (owned.hardware_usd + owned.networking_usd - owned.resale_usd) / owned.years
    power = power_usd_per_year(owned.power_kilowatts, owned.usd_per_kilowatt_hour) * owned.power_utilisation
    colocation = owned.power_kilowatts * owned.colocation_usd_per_kilowatt_month * _MONTHS
    staff = owned.staff_full_time * owned.staff_usd_per_full_time
    years = []
    for year in range(owned.years):
        dearer = (1 + owned.yearly_increase) ** year
        years.append(
            OwnedYear(
                hardware=hardware,
                power=power * dearer,
                cooling=power * owned.cooling_share * dearer,
                colocation=colocation * dearer,
                maintenance=owned.maintenance_usd_per_year,
                staff=staff * dearer,
            )
        )
    return OwnedCost(tuple(years))


def power_usd_per_year(kilowatts: Decimal, usd_per_kilowatt_hour: Decimal) -> Decimal:
    """kW × 8,760 h × USD per kWh."""
    return kilowatts * HOURS_PER_YEAR * usd_per_kilowatt_hour
