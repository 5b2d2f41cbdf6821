"""Whether the books balance: the journal, the calls and the counters, each recomputed from the others."""

from collections import defaultdict

from sqlalchemy import Connection, func, select

from router.ledger_tables import balances, calls, entries


def imbalances(connection: Connection) -> list[str]:
    """One sentence per disagreement; empty when every picodollar is where it belongs."""
    return [*_journal(connection), *_counters(connection)]


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
