"""The ledger: reserve before a call, settle after it, expire what never reported. One transaction each.

Every function takes a connection inside a writing transaction (SQLite's BEGIN IMMEDIATE, PostgreSQL's advisory lock),
so that what it reads is what it decides on, across processes. Knows budgets and amounts; nothing of policies or HTTP.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, select, text

from router.admission import Charged, Standing, admit, read_standings
from router.budgets import Applied, Estimate
from router.errors import BudgetExceededError
from router.ledger_tables import calls, entries
from router.ownership import Owner

Kind = Literal["call", "cache", "retry", "fallback", "escalation", "judge", "shadow", "embedding", "storage", "other"]
KINDS = ("call", "cache", "retry", "fallback", "escalation", "judge", "shadow", "embedding", "storage", "other")
MOST_EXPIRED = 1000  # released in one transaction

_INSERT_CALL, _INSERT_ENTRY = calls.insert(), entries.insert()
_CALL = select(calls).where(calls.c.call_id == bindparam("id"))
_OVERDUE = (
    select(calls)
    .where(calls.c.state == "reserved", calls.c.expires_ms <= bindparam("now"))
    .order_by(calls.c.expires_ms)
    .limit(MOST_EXPIRED)
)
_RESERVE = text(
    "INSERT INTO ledger_balances"
    " (key, budget, since_ms, resets_ms, spent, held, expected, spread2, open, calls, alerted)"
    " VALUES (:key, :budget, :since_ms, :resets_ms, 0, :held, :expected, :spread2, 1, 1, :alerted)"
    " ON CONFLICT (key) DO UPDATE SET held = ledger_balances.held + excluded.held,"
    " expected = ledger_balances.expected + excluded.expected, spread2 = ledger_balances.spread2 + excluded.spread2,"
    " open = ledger_balances.open + 1, calls = ledger_balances.calls + 1, alerted = excluded.alerted"
)
# the spread is a float: it is set back to nothing whenever nothing is out, so that rounding never piles up
_MOVE = text(
    "UPDATE ledger_balances SET spent = spent + :spent, held = held - :held, expected = expected - :expected,"
    " spread2 = CASE WHEN open <= :closed THEN 0 ELSE spread2 - :spread2 END, open = open - :closed,"
    " calls = calls + :called WHERE key = :key"
)


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
    now_ms = milliseconds(call.at)
    if applied:
        try:
            charged = admit(read_standings(connection, applied), call.estimate, call.at, throttled)
        except BudgetExceededError:
            if not expire(connection, now_ms):
                raise
            charged = admit(read_standings(connection, applied), call.estimate, call.at, throttled)
    else:
        charged = Charged()
    held = max([one.budget.held_for(call.estimate) for one in applied], default=call.estimate.upper)
    row = _call_row(call, "reserved", held, now_ms + round(expires_seconds * 1000))
    row["charges"] = [[one.key, one.budget.held_for(call.estimate)] for one in applied]
    connection.execute(_INSERT_CALL, row)
    connection.execute(_INSERT_ENTRY, _entry(call.call_id, now_ms, "held", held))
    if applied:
        connection.execute(_RESERVE, [_reserving(one, call.estimate) for one in charged.standings])
    return charged


def settle(connection: Connection, call_id: str, found: Settlement, at: datetime) -> None:
    """Take a report into the books: the first known cost releases what was held, a later one corrects it."""
    row = call_of(connection, call_id)
    if row is None:
        return  # decided before there was a ledger
    changes = {name: value for name, value in found.facts.items() if value is not None}
    changes |= {"failed": int(found.failed)}
    if found.spent is not None:
        changes |= {"spent": found.spent, "state": "settled", "settled_ms": milliseconds(at)}
        changes |= {"estimated": int(found.estimated), "saved_prefix": found.saved_prefix}
        _move(connection, row, found.spent - row["spent"], at)
    connection.execute(calls.update().where(calls.c.call_id == call_id), changes)


def add(connection: Connection, call: NewCall, found: Settlement, applied: Sequence[Applied]) -> bool:
    """Book a call that was made without asking: a retry, a judge, storage. It is spent, whatever the budgets say.

    False when it is booked already: a call id counts once.
    """
    if connection.execute(_CALL, {"id": call.call_id}).one_or_none() is not None:
        return False
    none = replace(call, estimate=Estimate(0, 0, 0))
    _insert_made(connection, none, found, [one.key for one in applied])
    states = read_standings(connection, applied) if applied else ()
    if states:
        connection.execute(_RESERVE, [_reserving(one, none.estimate) for one in states])
        _count(connection, [(one.applied.key, 0) for one in states], found.spent or 0, 0, 0.0, closed=1)
    return True


def add_caused(
    connection: Connection, cause: Mapping[str, Any], call_id: str, call: Mapping[str, Any], found: Settlement
) -> bool:
    """Book a call that another one caused, on the same owner, task and counters. False when it is booked already."""
    if connection.execute(_CALL, {"id": call_id}).one_or_none() is not None:
        return False
    keys = [key for key, _ in cause["charges"]]
    copied = ("at_ms", "tenant", "user", "feature", "environment", "cost_centre", "task_id", "tags", "session", "tier")
    row = {name: cause[name] for name in copied} | dict(call)
    row |= {"call_id": call_id, "state": "settled", "settled_ms": cause["at_ms"], "expected": 0, "held": 0}
    row |= {"spread2": 0.0, "spent": found.spent or 0, "estimated": int(found.estimated), "failed": int(found.failed)}
    row |= {"charges": [[key, 0] for key in keys]} | dict(found.facts)
    connection.execute(_INSERT_CALL, row)
    connection.execute(_INSERT_ENTRY, _entry(call_id, cause["at_ms"], "spent", found.spent or 0))
    _count(connection, [(key, 0) for key in keys], found.spent or 0, 0, 0.0, closed=0, called=1)
    return True


def expire(connection: Connection, now_ms: int, charge: bool = False) -> int:
    """Release what was held for calls that never reported; how many. `charge` counts their expected cost as spent.

    A report that still comes settles them all the same.
    """
    overdue = [dict(row) for row in connection.execute(_OVERDUE, {"now": now_ms}).mappings()]
    at = datetime.fromtimestamp(now_ms / 1000, UTC)
    for row in overdue:
        spent = row["expected"] if charge else 0
        _move(connection, row, spent, at)
        state = {"state": "expired", "spent": spent, "estimated": int(charge)}
        connection.execute(calls.update().where(calls.c.call_id == row["call_id"]), state)
    return len(overdue)


def call_of(connection: Connection, call_id: str) -> Mapping[str, Any] | None:
    """A call's row."""
    row = connection.execute(_CALL, {"id": call_id}).mappings().one_or_none()
    return None if row is None else dict(row)


def milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _reserving(one: Standing, call: Estimate) -> dict[str, Any]:
    applied = one.applied
    since, until = (moment and milliseconds(moment) for moment in (applied.since, applied.resets_at))
    return {
        "key": applied.key,
        "budget": applied.budget.name,
        "since_ms": since,
        "resets_ms": until,
        "held": applied.budget.held_for(call),
        "expected": call.expected,
        "spread2": call.spread2,
        "alerted": one.balance.alerted,
    }


def _call_row(call: NewCall, state: str, held: int, expires_ms: int | None) -> dict[str, Any]:
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
        "expires_ms": expires_ms,
    }


def _insert_made(connection: Connection, call: NewCall, found: Settlement, keys: Sequence[str]) -> None:
    row = _call_row(call, "settled", 0, None) | {
        "charges": [[key, 0] for key in keys],
        "settled_ms": milliseconds(call.at),
    }
    row |= {"spent": found.spent or 0, "estimated": int(found.estimated), "failed": int(found.failed)}
    connection.execute(_INSERT_CALL, row | dict(found.facts))
    connection.execute(_INSERT_ENTRY, _entry(call.call_id, row["at_ms"], "spent", found.spent or 0))


def _move(connection: Connection, row: Mapping[str, Any], spent: int, at: datetime) -> None:
    """Book `spent` more picodollars on a call, releasing what is still held for it."""
    out = row["state"] == "reserved"
    moved = [_entry(row["call_id"], milliseconds(at), "spent", spent)]
    if out:
        moved.append(_entry(row["call_id"], milliseconds(at), "held", -row["held"]))
    connection.execute(_INSERT_ENTRY, moved)
    charges = [(key, held if out else 0) for key, held in row["charges"]]
    expected, spread2 = (row["expected"], row["spread2"]) if out else (0, 0.0)
    _count(connection, charges, spent, expected, spread2, closed=int(out))


def _count(
    connection: Connection,
    charges: Sequence[tuple[str, int]],
    spent: int,
    expected: int,
    spread2: float,
    closed: int,
    called: int = 0,
) -> None:
    same = {"spent": spent, "expected": expected, "spread2": spread2, "closed": closed, "called": called}
    moves = [{"key": key, "held": held, **same} for key, held in charges]
    if moves:
        connection.execute(_MOVE, moves)


def _entry(call_id: str, at_ms: int, account: str, pico: int) -> dict[str, Any]:
    return {"call_id": call_id, "at_ms": at_ms, "account": account, "pico": pico}
