"""Every error that Tierwise raises on purpose.

TierwiseError
├── InputError            a value given by a person or a program is wrong: names field, row, value and cure
│   ├── ConstraintError   constraints that no route can satisfy together
│   ├── UnknownDecisionError  a decision id that was never given out, or was given to another tenant
│   └── UnknownModelError a model that neither the price library nor the routes file knows
├── LabelSetError         a label set with one or more InputErrors
├── UnpricedRoutesError   routes that nobody can price
├── SpendingError         money that may not be spent
│   ├── BudgetExceededError   a hard budget has no room for this call
│   ├── PriceCeilingError     a throttling budget has room for a cheaper route only
│   ├── NotGrantedError       a model, tier or effort that this tenant may not use
│   └── LedgerDownError       a strict budget cannot be checked, so nothing is spent
├── AccessError           a caller who may not do this
│   ├── UnknownKeyError   no key, or one that is not known, expired or revoked
│   ├── ForbiddenError    a key without the scope, or of another tenant
│   └── RateLimitedError  a key that asks faster than it may
├── PolicyFileError       a policy folder that is damaged, foreign or incomplete
├── EncoderError          weights that cannot be loaded or run
│   └── EncoderMismatchError  a policy trained on other vectors than the encoder makes
└── StoreError            a record that could not be written or read
    └── StoreAwayError        the database does not answer: locked, full, gone; not this record's fault

Commands turn these into exit code 2 and one message; the service turns them into RFC 9457 problem documents.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

_VALUE_CHARS = 80


def shown(value: Any) -> str:
    """The value as it appears in a message: text quoted, numbers as they are written, never longer than a line."""
    if isinstance(value, Decimal):
        text = str(value)
    else:
        scalar = getattr(value, "ndim", None) == 0 and hasattr(value, "item")
        text = repr(value.item() if scalar else value)
    return text if len(text) <= _VALUE_CHARS else f"{text[:_VALUE_CHARS]}… ({len(text)} characters)"


class TierwiseError(Exception):
    """Base of all errors raised on purpose."""


class InputError(TierwiseError):
    """One wrong value: where it is, what it is, why it is wrong and what would be right."""

    def __init__(self, field: str, value: Any, problem: str, cure: str, row: int | None = None) -> None:
        self.field, self.value, self.problem, self.cure, self.row = field, value, problem, cure, row
        where = field if row is None else f"row {row}, column {field}"
        got = "" if value is None else f" (got {shown(value)})"
        super().__init__(f"{where}: {problem}{got}. {cure}")


@dataclass(frozen=True)
class Conflicting:
    """One of the constraints that leave no route together; `allows` are the routes that it alone would leave, `relaxed`
    the nearest value with which some route would satisfy all constraints (None: no such value)."""

    field: str
    value: Any
    allows: tuple[str, ...]
    relaxed: Any = None


class ConstraintError(InputError):
    """Constraints of one request that exclude every route. `conflict` is a smallest set of them that does: without any
    one of these, the others leave a route."""

    def __init__(self, conflict: Sequence[Conflicting], cure: str) -> None:
        self.conflict = tuple(conflict)
        named = [f"{one.field} {shown(one.value)}" for one in self.conflict]
        last, others = self.conflict[-1], " and ".join(named[:-1])
        alone = [f"{one.field} allows {listed(one.allows, 3)}" for one in self.conflict]
        problem = (
            f"no route satisfies it together with {others}: {'; '.join(alone)}" if others else "no route satisfies it"
        )
        super().__init__(last.field, last.value, problem, cure)


def listed(routes: Sequence[str], most: int = 12) -> str:
    """Names in a message, and how many more there are."""
    more = f" and {len(routes) - most} more" if len(routes) > most else ""
    return (", ".join(routes[:most]) or "none") + more


class UnknownDecisionError(InputError):
    """A decision id that this tenant was never given; another tenant's id reads exactly the same."""

    def __init__(self, decision_id: str) -> None:
        cure = "Report with the decision_id and tenant of a /route answer that said logged: true."
        super().__init__("decision_id", decision_id, "no such decision", cure)


class UnknownModelError(InputError):
    """A model without a price; names the nearest known ones."""

    def __init__(self, model: str, nearest: Sequence[str], field: str = "model") -> None:
        self.nearest = tuple(nearest)
        hint = f"Nearest known: {', '.join(nearest)}. " if nearest else ""
        super().__init__(field, model, "no price is known for this model", f"{hint}Or price it in a routes file.")


class LabelSetError(TierwiseError):
    """A label set that cannot be used; carries the first problems, row by row."""

    def __init__(self, path: str, problems: Sequence[InputError], total: int) -> None:
        self.problems, self.total = tuple(problems), total
        more = f"\n  … and {total - len(problems)} more" if total > len(problems) else ""
        lines = "".join(f"\n  {problem}" for problem in problems)
        noun = "problem" if total == 1 else "problems"
        super().__init__(f"{path}: {total} {noun}; nothing was read or written{lines}{more}")


class UnpricedRoutesError(TierwiseError):
    """Routes that nobody can price: no library entry, no routes file, no billed cost in the labels."""

    def __init__(self, routes: Sequence[str], nearest: dict[str, Sequence[str]]) -> None:
        self.routes = tuple(routes)
        lines = []
        for route in routes:
            hint = nearest.get(route) or ()
            lines.append(f"\n  {route}" + (f" (nearest known: {', '.join(hint)})" if hint else ""))
        super().__init__(
            f"{len(routes)} route(s) have no price:{''.join(lines)}\n"
            "Price them in a file and pass it with --routes, for example\n"
            f'  [routes."{routes[0]}"]\n  usd_per_query = 0.002'
            "          # or usd_per_million_input_tokens and usd_per_million_output_tokens"
        )


class SpendingError(TierwiseError):
    """Money that may not be spent."""


class BudgetExceededError(SpendingError):
    """A hard budget without room for a call. `resets_at` is None for a budget that never resets."""

    def __init__(self, budget: str, **facts: Any) -> None:
        self.budget, self.facts = budget, facts
        self.resets_at, self.at, self.by_route = facts["resets_at"], facts["at"], facts["by_route"]
        until = (
            f"It resets at {self.resets_at:%Y-%m-%dT%H:%M:%SZ}." if self.resets_at else "It does not reset by itself."
        )
        super().__init__(
            f"budget {budget!r} has no room: {facts['committed']} of {facts['limit']} are spent or held, "
            f"this call may need {facts['needed']}. {until}"
        )


class PriceCeilingError(SpendingError):
    """A throttling budget that allows routes up to an expected cost only."""

    def __init__(self, ceiling_usd: Any) -> None:
        self.ceiling_usd = ceiling_usd
        super().__init__(f"the budget allows routes up to ${ceiling_usd:f} a call")


class NotGrantedError(SpendingError):
    """A tenant without the grant that every route left to it would need."""

    def __init__(self, tenant: str, asked: Sequence[str], missing: Sequence[str]) -> None:
        self.tenant, self.asked, self.missing = tenant, tuple(asked), tuple(missing)
        super().__init__(f"{', '.join(asked)}: not granted to {tenant}; it would need {'; or '.join(missing)}")


class LedgerDownError(SpendingError):
    """The ledger did not answer, and a strict budget is configured to refuse then."""


class AccessError(TierwiseError):
    """A caller who may not do this."""


class UnknownKeyError(AccessError):
    """No key, or one that opens nothing."""


class ForbiddenError(AccessError):
    """A key that is good, but not for this."""


class RateLimitedError(AccessError):
    """A key that asks faster than it may: `wait_seconds` until it could ask again."""

    def __init__(self, per_second: float, wait_seconds: float) -> None:
        self.per_second, self.wait_seconds = per_second, wait_seconds
        super().__init__(f"this key may ask {per_second:g} times a second")


class PolicyFileError(TierwiseError):
    """A policy folder that must not be used."""


class EncoderError(TierwiseError):
    """The encoder's weights cannot be loaded or run."""


class EncoderMismatchError(EncoderError):
    """The policy was trained on vectors of another encoder."""


class StoreError(TierwiseError):
    """A record that could not be written or read."""


class StoreAwayError(StoreError):
    """The database itself does not answer. The same record may be taken later."""
