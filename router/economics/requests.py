"""What a request costs beyond its list price: thinking, rounds, growing histories, retries and failures.

Counts tokens and attempts; prices are the meters' business. Sources of the formulas are beside each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import Field

from router.economics.inputs import Amount, Inputs, Share, Tokens, refuse
from router.economics.meters import Bill, Call, Quote, bill

# how much of a thinking budget is used on average, by the guide's rule for hard mathematics
BUDGET_USED = Decimal("0.75")
_MOST_STEPS = 10_000


class Thinking(Inputs):
    """Hidden output tokens, stated one way: as a number, as a ratio to what is seen, or as a budget."""

    tokens: Tokens | None = None
    per_visible_token: Amount | None = None
    budget_tokens: Tokens | None = None
    budget_used: Share = BUDGET_USED

    def model_post_init(self, context: object) -> None:
        said = [self.tokens, self.per_visible_token, self.budget_tokens]
        if sum(one is not None for one in said) > 1:
            cure = "Give one of tokens, per_visible_token and budget_tokens."
            raise refuse("thinking", said, "stated in several ways", cure)

    def expected_tokens(self, visible_tokens: int) -> Decimal:
        """Thinking tokens of one call: visible × R, or the used share of the budget."""
        if self.per_visible_token is not None:
            return visible_tokens * self.per_visible_token
        if self.budget_tokens is not None:
            return self.budget_tokens * self.budget_used
        return Decimal(self.tokens or 0)

    def worst_tokens(self, visible_tokens: int) -> Decimal:
        """The most that a budget allows; without a budget, what is expected."""
        return Decimal(self.budget_tokens) if self.budget_tokens is not None else self.expected_tokens(visible_tokens)


class Rounds(Inputs):
    """The calls that one message of a user takes, and how their input grows.

    Round k sends `first` + (k - 1) × `added_tokens_per_round`. With `compact_above_tokens`, a history above it is
    replaced by `summary_tokens` before the next round.
    """

    count: int = Field(default=1, ge=1, le=_MOST_STEPS)
    added_tokens_per_round: Tokens = 0
    compact_above_tokens: Tokens | None = None
    summary_tokens: Tokens = 0

    def input_tokens(self, first_tokens: int) -> list[int]:
        """Input tokens of every round, in order."""
        sent, history = [], 0
        for _ in range(self.count):
            sent.append(first_tokens + history)
            history += self.added_tokens_per_round
            if self.compact_above_tokens is not None and first_tokens + history > self.compact_above_tokens:
                history = self.summary_tokens
        return sent


class Retries(Inputs):
    """Failed calls are paid and tried again, at most `most` times.

    `independent`: each attempt fails with the same chance, so attempts are a truncated geometric series.
    `persistent`: what fails once fails every time, so a failure costs all its retries.
    """

    failure_rate: Share = Decimal(0)
    most: int = Field(default=2, ge=0, le=100)
    kind: Literal["independent", "persistent"] = "independent"

    def paid_attempts(self) -> Decimal:
        """Expected paid attempts per request, 1 or more."""
        if self.kind == "persistent":
            return 1 + self.failure_rate * self.most
        # added up step by step, because 0⁰ is undefined for decimals
        attempts, reached = Decimal(1), Decimal(1)
        for _ in range(self.most):
            reached *= self.failure_rate
            attempts += reached
        return attempts

    def failed_share(self) -> Decimal:
        """Share of requests that never succeed."""
        return self.failure_rate if self.kind == "persistent" else self.failure_rate ** (self.most + 1)


class Request(Inputs):
    """One message of a user: a call, what it thinks, its rounds and its retries."""

    call: Call
    thinking: Thinking = Thinking()
    rounds: Rounds = Rounds()
    retries: Retries = Retries()


@dataclass(frozen=True)
class RequestCost:
    """USD of one message, expected and at worst; `parts` by meter over all rounds, before retries."""

    usd: Decimal
    worst_usd: Decimal
    paid_attempts: Decimal
    input_tokens: int
    output_tokens: Decimal
    parts: Mapping[str, Decimal]


def request_cost(quote: Quote, request: Request, at: datetime | None = None, batch: bool = False) -> RequestCost:
    """The cost of one message. Expected thinking is billed at the output price: visible × (1 + R)."""
    visible = request.call.output_tokens
    sent = request.rounds.input_tokens(request.call.input_tokens)
    thought = request.call.thinking_tokens + request.thinking.expected_tokens(visible)
    most = request.call.thinking_tokens + request.thinking.worst_tokens(visible)
    bills = [bill(quote, _round(request.call, one, thought), at, batch) for one in sent]
    worst = sum((bill(quote, _round(request.call, one, most), at, batch).usd for one in sent), Decimal(0))
    attempts = request.retries.paid_attempts()
    return RequestCost(
        usd=sum((one.usd for one in bills), Decimal(0)) * attempts,
        worst_usd=worst * (1 + request.retries.most if request.retries.failure_rate else 1),
        paid_attempts=attempts,
        input_tokens=sum(sent),
        output_tokens=(visible + thought) * len(sent),
        parts=_summed(bills),
    )


def _round(call: Call, input_tokens: int, thinking_tokens: Decimal) -> Call:
    return call.model_copy(update={"input_tokens": input_tokens, "thinking_tokens": thinking_tokens})


def _summed(bills: Sequence[Bill]) -> dict[str, Decimal]:
    parts: dict[str, Decimal] = {}
    for one in bills:
        for name, usd in one.parts.items():
            parts[name] = parts.get(name, Decimal(0)) + usd
    return parts


def failed_prefill_usd(quote: Quote, input_tokens: int, at: datetime | None = None) -> Bill:
    """What a prompt costs that fails after it was read: all of its input, none of its output."""
    return bill(quote, Call(input_tokens=input_tokens), at)
