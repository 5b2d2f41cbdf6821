"""What tokens cost on machines of one's own or rented ones, and from which traffic that beats a hosted price.

Knows hours, throughput and utilisation; what a machine costs to own is `ownership`'s business.
"""

from dataclasses import dataclass
from decimal import Decimal
from math import prod

from pydantic import Field

from router.economics.inputs import (
    DAYS_PER_YEAR,
    HOURS_PER_YEAR,
    MILLION,
    SECONDS_PER_HOUR,
    Amount,
    Inputs,
    Positive,
    Share,
    Tokens,
    Utilisation,
    check_shares,
)
from router.errors import InputError

SECONDS_PER_YEAR = HOURS_PER_YEAR * SECONDS_PER_HOUR


class Machine(Inputs):
    """A node: USD per hour and what it sustains when it is busy.

    `benchmark_derating` divides published throughput (1 = measured on the real traffic, 2 = the usual caution).
    `multipliers` are gains of the serving stack on top (batching, quantisation, …), which stack multiplicatively.
    """

    usd_per_hour: Amount
    output_tokens_per_second: Positive
    input_tokens_per_second: Positive | None = None
    utilisation: Utilisation = Decimal(1)
    benchmark_derating: Decimal = Field(default=Decimal(1), ge=1, le=100)
    multipliers: dict[str, Positive] = Field(default_factory=dict)
    operations_usd_per_year: Amount = Decimal(0)

    @property
    def usd_per_year(self) -> Decimal:
        return self.usd_per_hour * HOURS_PER_YEAR + self.operations_usd_per_year

    def effective(self, tokens_per_second: Decimal) -> Decimal:
        """Tokens per second over the year: derated, multiplied, and idle when it is idle."""
        gain = prod(self.multipliers.values(), start=Decimal(1))
        return tokens_per_second * gain / self.benchmark_derating * self.utilisation


@dataclass(frozen=True)
class MachineCost:
    """USD per million tokens when the machine does only this, and per request of a shape when it does both.

    Charging a machine's whole hour to the input tokens and again to the output tokens counts it twice; a request's
    cost is the machine time that it takes, its prefill and its decode, once each.
    """

    usd_per_million_output_tokens: Decimal
    usd_per_million_input_tokens: Decimal | None
    output_tokens_per_year: Decimal
    usd_per_year: Decimal


def machine_cost(machine: Machine) -> MachineCost:
    """USD/hour ÷ 3600 ÷ effective tokens per second × 10⁶."""
    per_second = machine.usd_per_year / SECONDS_PER_YEAR
    out = machine.effective(machine.output_tokens_per_second)
    read = machine.input_tokens_per_second
    return MachineCost(
        usd_per_million_output_tokens=per_second / out * MILLION,
        usd_per_million_input_tokens=None if read is None else per_second / machine.effective(read) * MILLION,
        output_tokens_per_year=out * SECONDS_PER_YEAR,
        usd_per_year=machine.usd_per_year,
    )


def usd_per_request(machine: Machine, input_tokens: Tokens, output_tokens: Tokens, concurrent_phases: bool) -> Decimal:
    """What one request costs on the machine: its seconds at the machine's price."""
    seconds = seconds_per_request(machine, input_tokens, output_tokens, concurrent_phases)
    return machine.usd_per_year / SECONDS_PER_YEAR * seconds


def seconds_per_request(
    machine: Machine, input_tokens: Tokens, output_tokens: Tokens, concurrent_phases: bool
) -> Decimal:
    """Seconds of the machine, idle ones included, that one request takes.

    `concurrent_phases`: both throughputs were measured at once, under this mix, so the slower phase bounds the rate and
    the hour is paid once. Otherwise each was measured alone, and the request's two phases take their time in turn.
    """
    decode = output_tokens / machine.effective(machine.output_tokens_per_second)
    read = machine.input_tokens_per_second
    prefill = input_tokens / machine.effective(read) if read else Decimal(0)
    return max(decode, prefill) if concurrent_phases else decode + prefill


@dataclass(frozen=True)
class BreakEven:
    """The traffic from which a machine is cheaper than a hosted price, and whether the machine can carry it."""

    tokens_per_year: Decimal
    tokens_per_day: Decimal
    hosted_usd_per_year: Decimal
    machine_capacity_tokens_per_year: Decimal
    reachable: bool


def break_even(usd_per_year: Decimal, hosted_usd_per_million: Decimal, capacity_tokens_per_year: Decimal) -> BreakEven:
    """Tokens = USD per year ÷ hosted price. Tokens count as in the hosted price: both directions where it is mixed.

    Raises InputError where the hosted price is nothing.
    """
    if not hosted_usd_per_million:
        raise InputError("hosted", hosted_usd_per_million, "costs nothing", "No machine beats it; give a priced model.")
    tokens = usd_per_year / hosted_usd_per_million * MILLION
    return BreakEven(
        tokens_per_year=tokens,
        tokens_per_day=tokens / DAYS_PER_YEAR,
        hosted_usd_per_year=usd_per_year,
        machine_capacity_tokens_per_year=capacity_tokens_per_year,
        reachable=tokens <= capacity_tokens_per_year,
    )


def mixed_price(usd_in: Decimal, usd_out: Decimal, input_tokens: int, output_tokens: int) -> Decimal:
    """USD per million tokens of a request's mix of input and output."""
    return (usd_in * input_tokens + usd_out * output_tokens) / Decimal(input_tokens + output_tokens)


class RentShare(Inputs):
    """A part of the hours, its discount, and what an eviction wastes of it."""

    name: str
    share: Share
    discount: Share = Decimal(0)
    evicted_share: Share = Decimal(0)


class RentMix(Inputs):
    """On-demand, reserved and spot hours of one machine; shares add up to 1."""

    on_demand_usd_per_hour: Amount
    parts: tuple[RentShare, ...] = Field(min_length=1)

    def model_post_init(self, context: object) -> None:
        check_shares("parts", [one.share for one in self.parts])

    def usd_per_hour(self) -> Decimal:
        """Per useful hour: evicted hours are paid and done again."""
        return sum(
            (
                one.share * self.on_demand_usd_per_hour * (1 - one.discount) * (1 + one.evicted_share)
                for one in self.parts
            ),
            Decimal(0),
        )
