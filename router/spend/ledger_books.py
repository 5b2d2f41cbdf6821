"""Whether the books balance: the journal, the calls and the counters, each recomputed from the others."""

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, func, select

from router.spend.ledger_days import DAY_MS, contribution
from router.spend.ledger_tables import DAY_DIMENSIONS, DAY_SUMS, balances, calls, days, entries


def imbalances(connection: Connection) -> list[str]:
    """One sentence per disagreement; empty when every picodollar is where it belongs."""
    return [*_journal(connection), *_counters(connection), *_days(connection)]


def _journal(connection: Connection) -> list[str]:
    """The journal's sums per call against the call's own row."""
    asked = select(entries.c.call_id, entries.c.account, func.sum(entries.c.pico)).group_by(
        entries.c.call_id, entries.c.account
    )
    sums = {(call_id, account): int(pico) for call_id, account, pico in connection.execute(asked)}
    wrong, known = [], set()
    for row in connection.execute(select(calls.c.call_id, calls.c.state, calls.c.held, calls.c.spent)):
        known.add(row.call_id)
        held, spent = row.held if row.state == "reserved" else 0, row.spent
        booked = sums.get((row.call_id, "held"), 0), sums.get((row.call_id, "spent"), 0)
        if booked != (held, spent):
            wrong.append(f"call {row.call_id}: journal {booked}, row {(held, spent)} (held, spent)")
    return wrong + [f"call {one}: in the journal only" for one in {call_id for call_id, _ in sums} - known]


def _counters(connection: Connection) -> list[str]:
    """The counters against the calls that were charged to them."""
    due: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    columns = (calls.c.state, calls.c.spent, calls.c.expected, calls.c.charges)
    for state, spent, expected, charges in connection.execute(select(*columns)):
        out = state == "reserved"
        for key, held in charges:
            for place, amount in enumerate((spent, held * out, expected * out, int(out))):
                due[key][place] += amount
    wrong = []
    for row in connection.execute(select(balances)):
        counted, owed = [row.spent, row.held, row.expected, row.open], due.pop(row.key, [0, 0, 0, 0])
        if counted != owed or row.spread2 < -1e-12:
            wrong.append(f"budget {row.key}: counter {counted}, calls {owed} (spent, held, expected, open)")
    return wrong + [f"budget {key}: charged without a counter" for key in due]


def _days(connection: Connection) -> list[str]:
    """The sums by day against the calls."""
    due: dict[tuple[Any, ...], list[float]] = defaultdict(lambda: [0] * len(DAY_SUMS))
    for row in connection.execute(select(calls)).mappings():
        added = contribution(dict(row))
        key = (row["at_ms"] // DAY_MS, *(row[name] or "" for name in DAY_DIMENSIONS))
        due[key] = [before + added[name] for before, name in zip(due[key], DAY_SUMS)]
    wrong = []
    for row in connection.execute(select(days)).mappings():
        key = (row["day"], *(row[name] for name in DAY_DIMENSIONS))
        owed = due.pop(key, [0] * len(DAY_SUMS))
        # `correct` is a sum of floats; everything else is exact
        off = [name for name, one in zip(DAY_SUMS, owed) if abs(row[name] - one) > (1e-6 if name == "correct" else 0)]
        wrong += [f"day {key}: {name} is {row[name]}, not what the calls add up to" for name in off]
    return wrong + [f"day {key}: calls without a sum" for key, sums in due.items() if any(sums)]
