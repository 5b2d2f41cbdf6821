"""The ledger: reserve before a call, settle after it, expire what never reported. One transaction each.

Every function takes a connection inside a writing transaction (SQLite's BEGIN IMMEDIATE, PostgreSQL's advisory lock),
so that what it reads is what it decides on, across processes. Knows budgets and amounts; nothing of policies or HTTP.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection

from router.errors import BudgetExceededError
from router.spend.admission import Charged, Standing, admit, read_standings
from router.spend.budgets import Applied, Estimate
from router.spend.ledger_book import Book
from router.spend.ownership import Owner
from router.spend.prefix_cache import Turn

Kind = Literal["call", "cache", "retry", "fallback", "escalation", "judge", "shadow", "embedding", "storage", "other"]
KINDS = ("call", "cache", "retry", "fallback", "escalation", "judge", "shadow", "embedding", "storage", "other")
MOST_EXPIRED = 1000  # released in one transaction
_ACCOUNTS = {"reserved": "held", "settled": "spent"}  # which a call's first movement is on
_INHERITED = ("at_ms", "tenant", "user", "feature", "environment", "cost_centre", "task_id", "tags", "session", "tier")


@dataclass(frozen=True)
class NewCall:
    """A call that is about to be made, or was made: whose it is, on which route, and what it may cost."""

    call_id: str
    at: datetime
    owner: Owner
    model: str
    effort: str
    tier: str
    estimate: Estimate
    provider: str | None = None
    session: str | None = None
    kind: Kind = "call"
    strongest: int | None = None
    same_model: int | None = None
    saved_cache: int = 0
    prefix: Turn | None = None

    @property
    def task_id(self) -> str:
        """The task that pays: the caller's, else the call itself."""
        return self.owner.task_id or self.call_id


@dataclass(frozen=True)
class Settlement:
    """What is known of a call afterwards. `spent` is picodollars, None while nobody can tell; `estimated` marks a cost
    that was assumed because the model has no price."""

    spent: int | None
    estimated: bool = False
    saved_prefix: int = 0
    failed: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


def reserve(
    connection: Connection, call: NewCall, applied: Sequence[Applied], expires_seconds: float, throttled: bool = False
) -> Charged:
    """Hold a call's estimate against every budget that binds it, or none.

    Raises BudgetExceededError when a hard budget has no room, PriceCeilingError when a throttling budget asks for a
    cheaper route and this one was not chosen under its ceiling (`throttled`). Nothing is held then.
    """
    book, now_ms = Book(connection), milliseconds(call.at)
    charged = Charged()
    if applied:
        try:
            charged = admit(read_standings(book, applied), call.estimate, call.at, throttled)
        except BudgetExceededError:
            if not expire(connection, now_ms):
                raise
            charged = admit(read_standings(book, applied), call.estimate, call.at, throttled)
    held = max([one.budget.held_for(call.estimate) for one in applied], default=call.estimate.upper)
    charges = [[one.key, one.budget.held_for(call.estimate)] for one in applied]
    book.open(_call_row(call, "reserved", held, charges, now_ms + round(expires_seconds * 1000)))
    book.enter(call.call_id, now_ms, held=held)
    book.hold([_holding(one, call.estimate, spent=0, out=1) for one in charged.standings])
    return replace(charged, prefix=call.prefix.cause if call.prefix else None)


def open_unbound(connection: Connection, opened: Sequence[tuple[NewCall, float | None]]) -> None:
    """Book calls that no budget binds, many at once: each estimate is held for so many seconds; a call without them is
    a stored answer, which costs nothing. What is booked already stays as it is."""
    book = Book(connection)
    known = book.known([call.call_id for call, _ in opened])
    rows = [_unbound_row(call, seconds) for call, seconds in opened if call.call_id not in known]
    book.open(*rows)
    book.enter_each([(row["call_id"], row["at_ms"], _ACCOUNTS[row["state"]], row["held"]) for row in rows])


def settle(connection: Connection, call_id: str, found: Settlement, at: datetime) -> None:
    """Take a report into the books: the first known cost releases what was held, a later one corrects it."""
    book = Book(connection)
    row = book.call(call_id)
    if row is None:
        return  # decided before there was a ledger
    changes = {name: value for name, value in found.facts.items() if value is not None}
    changes |= {"failed": int(found.failed)}
    if found.spent is not None:
        changes |= {"spent": found.spent, "state": "settled", "settled_ms": milliseconds(at)}
        changes |= {"estimated": int(found.estimated), "saved_prefix": found.saved_prefix}
        _move(book, row, found.spent - row["spent"], milliseconds(at))
    book.change(row, changes)


def add(connection: Connection, call: NewCall, found: Settlement, applied: Sequence[Applied]) -> bool:
    """Book a call that was made without asking: a judge, storage, a cached answer. It is spent, whatever the budgets
    say. False when it is booked already: a call id counts once.
    """
    book = Book(connection)
    if book.call(call.call_id) is not None:
        return False
    made = replace(call, estimate=Estimate(0, 0, 0))
    row = _call_row(made, "settled", 0, [[one.key, 0] for one in applied])
    _book_made(book, row | _made(found, milliseconds(call.at)))
    standing = read_standings(book, applied) if applied else ()
    book.hold([_holding(one, made.estimate, spent=found.spent or 0, out=0) for one in standing])
    return True


def add_caused(
    connection: Connection, cause: Mapping[str, Any], call_id: str, call: Mapping[str, Any], found: Settlement
) -> bool:
    """Book a call that another one caused, on the same owner, task and counters. False when it is booked already."""
    book = Book(connection)
    if book.call(call_id) is not None:
        return False
    charges = [[key, 0] for key, _ in cause["charges"]]
    row = {name: cause[name] for name in _INHERITED} | {"expected": 0, "held": 0, "spread2": 0.0, **call}
    row |= {"call_id": call_id, "state": "settled", "charges": charges}
    _book_made(book, row | _made(found, cause["at_ms"]))
    book.move([(key, 0) for key, _ in charges], found.spent or 0, called=1)
    return True


def expire(connection: Connection, now_ms: int, charge: bool = False) -> int:
    """Release what was held for calls that never reported; how many. `charge` counts their expected cost as spent.

    A report that still comes settles them all the same.
    """
    book = Book(connection)
    overdue = book.overdue(now_ms, MOST_EXPIRED)
    for row in overdue:
        spent = row["expected"] if charge else 0
        _move(book, row, spent, now_ms)
        book.change(row, {"state": "expired", "spent": spent, "estimated": int(charge)})
    return len(overdue)


def call_of(connection: Connection, call_id: str) -> Mapping[str, Any] | None:
    """A call's row."""
    return Book(connection).call(call_id)


def milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _holding(one: Standing, call: Estimate, spent: int, out: int) -> tuple[Any, ...]:
    """A counter's row for one more call, in the order of Book.hold."""
    applied, budget = one.applied, one.applied.budget
    since, until = (moment and milliseconds(moment) for moment in (applied.since, applied.resets_at))
    amounts = (spent, budget.held_for(call), call.expected, call.spread2, out)
    return (applied.key, budget.name, since, until, *amounts, one.balance.alerted)


def _unbound_row(call: NewCall, expires_seconds: float | None) -> dict[str, Any]:
    at_ms = milliseconds(call.at)
    if expires_seconds is None:
        return _call_row(replace(call, estimate=Estimate(0, 0, 0)), "settled", 0, []) | {"settled_ms": at_ms}
    return _call_row(call, "reserved", call.estimate.upper, [], at_ms + round(expires_seconds * 1000))


def _call_row(
    call: NewCall, state: str, held: int, charges: list[Any], expires_ms: int | None = None
) -> dict[str, Any]:
    owner = call.owner
    return {
        "call_id": call.call_id,
        "at_ms": milliseconds(call.at),
        "kind": call.kind,
        "state": state,
        "tenant": owner.tenant,
        "user": owner.user,
        "feature": owner.feature,
        "environment": owner.environment,
        "cost_centre": owner.cost_centre,
        "task_id": call.task_id,
        "tags": dict(owner.tags),
        "session": call.session,
        "model": call.model,
        "effort": call.effort,
        "tier": call.tier,
        "provider": call.provider,
        "expected": call.estimate.expected,
        "held": held,
        "spread2": call.estimate.spread2,
        "strongest": call.strongest,
        "same_model": call.same_model,
        "saved_cache": call.saved_cache,
        "prefix": call.prefix.cause if call.prefix else None,
        "prefix_share": call.prefix.share if call.prefix else None,
        "spent": 0,
        "estimated": 0,
        "failed": 0,
        "saved_prefix": 0,
        "settled_ms": None,
        "expires_ms": expires_ms,
        "charges": charges,
    }


def _made(found: Settlement, at_ms: int) -> dict[str, Any]:
    known = {name: value for name, value in found.facts.items() if value is not None}
    states = {"estimated": int(found.estimated), "failed": int(found.failed), "settled_ms": at_ms}
    return {"spent": found.spent or 0, **states, **known}


def _book_made(book: Book, row: Mapping[str, Any]) -> None:
    book.open(row)
    book.enter(row["call_id"], row["at_ms"], spent=row["spent"])


def _move(book: Book, row: Mapping[str, Any], spent: int, at_ms: int) -> None:
    """Book `spent` more picodollars on a call, releasing what is still held for it."""
    if row["state"] != "reserved":
        book.enter(row["call_id"], at_ms, spent=spent)
        book.move([(key, 0) for key, _ in row["charges"]], spent)
        return
    book.enter(row["call_id"], at_ms, spent=spent, held=-row["held"])
    book.move(row["charges"], spent, row["expected"], row["spread2"], closed=1)
