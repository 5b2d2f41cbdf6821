"""Prompting, retrieval or fine-tuning for one task: cost per call, cost over a horizon, and where they cross."""

from dataclasses import dataclass
from decimal import Decimal

from pydantic import Field

from router.economics.inputs import MILLION, Amount, Count, Inputs, Tokens
from router.errors import InputError


class Method(Inputs):
    """One way to do the task. Prices are of the model that this way uses; tokens are per call."""

    name: str
    usd_per_million_input_tokens: Amount
    usd_per_million_output_tokens: Amount = Decimal(0)
    input_tokens: Tokens = 0
    added_input_tokens: Tokens = 0
    output_tokens: Tokens = 0
    setup_usd: Amount = Decimal(0)
    usd_per_month: Amount = Decimal(0)

    def usd_per_call(self) -> Decimal:
        tokens_in = self.input_tokens + self.added_input_tokens
        priced = tokens_in * self.usd_per_million_input_tokens + self.output_tokens * self.usd_per_million_output_tokens
        return priced / MILLION

    def usd(self, calls: Decimal, months: Decimal) -> Decimal:
        """Over a horizon: set-up once, the running costs, every call."""
        return self.setup_usd + self.usd_per_month * months + self.usd_per_call() * calls


class MethodPlan(Inputs):
    """The ways to compare, for a task of so many calls."""

    methods: tuple[Method, ...] = Field(min_length=1)
    calls_per_month: Count = Field(gt=0)
    months: int = Field(default=12, gt=0, le=120)


@dataclass(frozen=True)
class MethodCost:
    name: str
    usd_per_call: Decimal
    usd: Decimal
    break_even_calls: Decimal | None


def compare_methods(plan: MethodPlan) -> tuple[MethodCost, ...]:
    """Every method over the horizon, cheapest first; break-even calls against the first method of the plan."""
    calls, months = Decimal(plan.calls_per_month * plan.months), Decimal(plan.months)
    first = plan.methods[0]
    rows = [
        MethodCost(one.name, one.usd_per_call(), one.usd(calls, months), _against(first, one, months))
        for one in plan.methods
    ]
    return tuple(sorted(rows, key=lambda one: one.usd))


def break_even_calls(fixed_usd: Decimal, saved_usd_per_call: Decimal) -> Decimal:
    """Calls after which a fixed cost is earned back. Raises InputError where nothing is saved."""
    if saved_usd_per_call <= 0:
        raise InputError("saved_usd_per_call", saved_usd_per_call, "nothing is saved per call", "It never pays.")
    return fixed_usd / saved_usd_per_call


def embedding_usd(chunks: Count, tokens_per_chunk: Tokens, usd_per_million_tokens: Decimal) -> Decimal:
    """Embedding a corpus once."""
    return chunks * tokens_per_chunk * usd_per_million_tokens / MILLION


def _against(first: Method, other: Method, months: Decimal) -> Decimal | None:
    """Calls over the horizon at which `other` costs what `first` does; None where it never does."""
    fixed = other.setup_usd + other.usd_per_month * months - first.setup_usd - first.usd_per_month * months
    saved = first.usd_per_call() - other.usd_per_call()
    if other is first or saved <= 0:
        return None
    return max(Decimal(0), fixed / saved)
