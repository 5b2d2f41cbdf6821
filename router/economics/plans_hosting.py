"""Chapters on machines: what tokens cost on them, what owning them costs, when they beat a hosted price, what fits."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from pydantic import Field, model_validator

from router.economics.hardware import find_hardware
from router.economics.hosting import (
    SECONDS_PER_YEAR,
    BreakEven,
    Machine,
    MachineCost,
    RentMix,
    break_even,
    machine_cost,
    seconds_per_request,
    usd_per_request,
)
from router.economics.inputs import HOURS_PER_YEAR, Inputs, Tokens, refuse
from router.economics.kv_cache import SHAPES, Memory, ModelShape, fit
from router.economics.meters import Call, bill
from router.economics.ownership import Owned, OwnedYear, owned_cost
from router.economics.plan import Cell, Chart, Figure, Plan, Table, money, plain, share
from router.economics.priced import Model, source_note

_UTILISATIONS = tuple(Decimal(one) / 10 for one in range(1, 11))
_CONTEXTS = (8_000, 32_000, 128_000, 1_000_000)


class NamedMachine(Machine):
    """A machine beside others. Its hour is typed, rented by a mix, or follows from owning it; `known` fills in what
    is not typed from the list of known machines (hour, throughput)."""

    name: str
    known: str | None = None
    owned: Owned | None = None
    rent: RentMix | None = None

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or given.get("known") is None:
            return given
        found = find_hardware(str(given["known"]), "known")
        facts = {
            "usd_per_hour": found.rental_usd_per_hour,
            "output_tokens_per_second": found.output_tokens_per_second,
            "input_tokens_per_second": found.input_tokens_per_second,
        }
        filled = {name: value for name, value in facts.items() if value is not None}
        return {"name": found.name, **filled, **given}

    def priced(self) -> "NamedMachine":
        """The same machine with the hour that owning or the mix gives."""
        hour = self.usd_per_hour
        if self.owned is not None:
            hour = owned_cost(self.owned).usd_per_hour
        elif self.rent is not None:
            hour = self.rent.usd_per_hour()
        return self.model_copy(update={"usd_per_hour": hour})


class HostingScenario(Inputs):
    """Machines side by side for one shape of request, against a hosted model."""

    machines: tuple[NamedMachine, ...] = Field(min_length=1, max_length=50)
    hosted: Model | None = None
    input_tokens: Tokens = 1500
    output_tokens: Tokens = Field(default=300, gt=0)
    concurrent_phases: bool = True


def plan_hosting(scenario: HostingScenario) -> Plan:
    machines = [one.priced() for one in scenario.machines]
    costs = [machine_cost(one) for one in machines]
    requests = [_request_usd(one, scenario) for one in machines]
    best = min(range(len(machines)), key=lambda i: requests[i])
    table = Table(
        "Machines side by side",
        ("machine", "USD per hour", "USD per million output tokens", "USD per million input tokens", "USD per request"),
        tuple(
            (one.name, one.usd_per_hour, cost.usd_per_million_output_tokens, cost.usd_per_million_input_tokens, request)
            for one, cost, request in zip(machines, costs, requests)
        ),
        "Each token price charges the whole hour to its kind of token; a request's price charges it once.",
    )
    answer = f"{machines[best].name} is cheapest: {money(requests[best])} a request."
    figures = [
        Figure("cost of a year", costs[best].usd_per_year, "USD", machines[best].name),
        Figure("output tokens a year", costs[best].output_tokens_per_year, "tokens", "at its utilisation"),
    ]
    notes: list[str] = []
    if scenario.hosted is not None:
        even, hosted_usd, note = _against_hosted(scenario, machines[best], costs[best])
        figures += _break_even_figures(even, hosted_usd)
        answer += " " + _verdict(even, hosted_usd, requests[best])
        notes.append(note)
    years = tuple(table for one in scenario.machines if one.owned for table in [_owned_table(one.name, one.owned)])
    chart = _utilisation_chart(machines)
    return Plan("hosting", "Self-hosting", answer, tuple(figures), (table, *years), (chart,), tuple(notes))


def _request_usd(machine: Machine, scenario: HostingScenario) -> Decimal:
    return usd_per_request(machine, scenario.input_tokens, scenario.output_tokens, scenario.concurrent_phases)


def _against_hosted(scenario: HostingScenario, machine: Machine, cost: MachineCost) -> tuple[BreakEven, Decimal, str]:
    """Break-even in tokens of the request's mix, in and out together."""
    assert scenario.hosted is not None
    quote = scenario.hosted.quote()
    tokens = scenario.input_tokens + scenario.output_tokens
    hosted_usd = bill(quote, Call(input_tokens=scenario.input_tokens, output_tokens=scenario.output_tokens)).usd
    mixed = hosted_usd / tokens * 1_000_000
    seconds = seconds_per_request(machine, scenario.input_tokens, scenario.output_tokens, scenario.concurrent_phases)
    capacity = SECONDS_PER_YEAR / seconds * tokens
    return break_even(cost.usd_per_year, mixed, capacity), hosted_usd, source_note(quote)


def _break_even_figures(even: BreakEven, hosted_usd: Decimal) -> list[Figure]:
    return [
        Figure("hosted", hosted_usd, "USD a request"),
        Figure("break-even", even.tokens_per_day, "tokens a day", "the machine's year ÷ the hosted price of the mix"),
        Figure("break-even", even.hosted_usd_per_year, "USD a year of hosted spend"),
        Figure("capacity", even.machine_capacity_tokens_per_year / 365, "tokens a day"),
    ]


def _verdict(even: BreakEven, hosted_usd: Decimal, own_usd: Decimal) -> str:
    if not even.reachable:
        return (
            f"Hosted costs {money(hosted_usd)}: the machine cannot carry the {plain(even.tokens_per_day)} tokens a day "
            "from which it would pay."
        )
    return (
        f"Hosted costs {money(hosted_usd)}: owning the load pays from {plain(even.tokens_per_day)} tokens a day, "
        f"{money(even.hosted_usd_per_year)} a year of hosted spend; carrying all it can, it saves "
        f"{share(1 - own_usd / hosted_usd)}."
    )


def _owned_table(name: str, owned: Owned) -> Table:
    cost = owned_cost(owned)
    lines = tuple(OwnedYear.__dataclass_fields__)
    rows: list[tuple[Cell, ...]] = [(line, *(getattr(year, line) for year in cost.years)) for line in lines]
    rows.append(("total", *(year.total for year in cost.years)))
    columns = ("line", *(f"year {i} USD" for i in range(1, owned.years + 1)))
    note = f"{money(cost.usd)} in all, {money(cost.usd_per_hour)} an hour over {HOURS_PER_YEAR:,} hours a year."
    return Table(f"Owning {name}", columns, tuple(rows), note)


def _utilisation_chart(machines: Sequence[NamedMachine]) -> Chart:
    series = tuple((one.name, tuple(_at(one, utilisation) for utilisation in _UTILISATIONS)) for one in machines)
    labels = tuple(f"{100 * one:.0f} %" for one in _UTILISATIONS)
    title = "Output tokens by utilisation"
    return Chart(title, "lines", labels, series, "USD per million output tokens", "utilisation")


def _at(machine: Machine, utilisation: Decimal) -> float:
    return float(machine_cost(machine.model_copy(update={"utilisation": utilisation})).usd_per_million_output_tokens)


class MemoryScenario(Inputs):
    """How many requests of a context fit on a machine. `known` names a shape; `shape` describes one."""

    known: str | None = None
    shape: ModelShape | None = None
    memory: Memory
    context_tokens: Tokens = Field(gt=0)
    shared_prefix_tokens: Tokens = 0

    def model_post_init(self, context: object) -> None:
        if (self.known is None) == (self.shape is None):
            raise refuse("known", self.known, "give either known or shape", f"Known: {', '.join(SHAPES)}.")
        if self.known is not None and self.known not in SHAPES:
            raise refuse("known", self.known, "no such shape", f"Known: {', '.join(SHAPES)}. Or give [shape].")


def plan_memory(scenario: MemoryScenario) -> Plan:
    shape = scenario.shape or SHAPES[scenario.known or ""]
    found = fit(shape, scenario.memory, scenario.context_tokens, scenario.shared_prefix_tokens)
    figures = (
        Figure("KV cache", shape.kv_bytes_per_token, "bytes per token", "2 × layers × kv heads × head dim × bytes"),
        Figure("KV cache of a request", found.kv_gigabytes_per_request, "GB"),
        Figure("weights", found.weights_gigabytes, "GB"),
        Figure("free for caches", found.free_gigabytes, "GB"),
        Figure("requests at once", found.concurrent_requests, ""),
        Figure("longest context", found.longest_context_tokens, "tokens", "of a single request"),
    )
    contexts = sorted({*_CONTEXTS, scenario.context_tokens})
    rows = tuple(
        (tokens, shape.kv_gigabytes(tokens), fit(shape, scenario.memory, tokens).concurrent_requests)
        for tokens in contexts
    )
    table = Table("By context", ("context tokens", "GB per request", "requests at once"), rows)
    fits = "does not fit" if not found.free_gigabytes else f"fits {found.concurrent_requests:,} times at once"
    answer = (
        f"A context of {scenario.context_tokens:,} tokens takes {plain(found.kv_gigabytes_per_request)} GB and {fits} "
        f"beside {plain(found.weights_gigabytes)} GB of weights."
    )
    values = tuple(float(row[1]) for row in rows)
    labels = tuple(f"{row[0]:,}" for row in rows)
    chart = Chart("KV cache of a request", "bars", labels, (("GB", values),), "GB")
    return Plan("memory", "KV cache and concurrency", answer, figures, (table,), (chart,))
