"""The rows of the ledger: written, moved and read within one transaction. Knows columns, not what a booking means."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from router.log.driver_sql import Statements, columns_of, from_json, quoted, to_json
from router.spend import ledger_days
from router.spend.ledger_tables import balances, calls

_CALL_COLUMNS, _BALANCE_COLUMNS = columns_of(calls), columns_of(balances)
_READ_CALL = f"SELECT {quoted(_CALL_COLUMNS)} FROM ledger_calls WHERE call_id = ?"
_LONGEST_HOLD_MS = 31 * 86_400_000
_READ_OVERDUE = (
    f"SELECT {quoted(_CALL_COLUMNS)} FROM ledger_calls WHERE state = 'reserved' AND (expires_ms <= ? OR expires_ms > ?)"
    " ORDER BY expires_ms LIMIT ?"
)
_ENTER = "INSERT INTO ledger_entries (call_id, at_ms, account, pico) VALUES (?, ?, ?, ?)"
_HOLD = (
    "INSERT INTO ledger_balances"
    " (key, budget, since_ms, resets_ms, spent, held, expected, spread2, open, calls, alerted)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?)"
    " ON CONFLICT (key) DO UPDATE SET spent = ledger_balances.spent + excluded.spent,"
    " held = ledger_balances.held + excluded.held,"
    " expected = ledger_balances.expected + excluded.expected, spread2 = ledger_balances.spread2 + excluded.spread2,"
    " open = ledger_balances.open + excluded.open, calls = ledger_balances.calls + 1, alerted = excluded.alerted"
)
# the spread is a float: it is set back to nothing whenever nothing is out, so that rounding never piles up
_MOVE = (
    "UPDATE ledger_balances SET spent = spent + ?, held = held - ?, expected = expected - ?,"
    " spread2 = CASE WHEN open <= ? THEN 0 ELSE spread2 - ? END, open = open - ?, calls = calls + ? WHERE key = ?"
)


class Book:
    """The tables, for one transaction. Sums by day follow every change of a call's row."""

    def __init__(self, connection: Connection) -> None:
        self._sql = Statements(connection)

    def call(self, call_id: str) -> dict[str, Any] | None:
        found = self._sql.rows(_READ_CALL, [call_id], _CALL_COLUMNS)
        return _parsed(found[0]) if found else None

    def overdue(self, now_ms: int, most: int) -> list[dict[str, Any]]:
        """Calls that are out and should have reported by now, the longest first; and those held into a future that only
        a clock which has stepped back since can have meant."""
        moments = [now_ms, now_ms + _LONGEST_HOLD_MS, most]
        return [_parsed(row) for row in self._sql.rows(_READ_OVERDUE, moments, _CALL_COLUMNS)]

    def standings(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The counters of these keys that exist."""
        return {row["key"]: row for row in self._sql.rows(_read_balances(len(keys)), keys, _BALANCE_COLUMNS)}

    def known(self, call_ids: Sequence[str]) -> set[str]:
        """Those of these calls that are booked."""
        return self._sql.known(calls, "call_id", call_ids)

    def open(self, *rows: Mapping[str, Any]) -> None:
        """New calls, of the same columns. One that is known already is left to its decision's own key, which refuses
        it."""
        written = [{**row, "charges": to_json(row["charges"]), "tags": to_json(row["tags"])} for row in rows]
        self._sql.insert_each(calls, written, unless_known=True)
        ledger_days.book_new(self._sql, rows)

    def change(self, row: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
        names = tuple(changes)
        marks = ", ".join(f'"{name}" = ?' for name in names)
        values = [*(changes[name] for name in names), row["call_id"]]
        self._sql.run(f"UPDATE ledger_calls SET {marks} WHERE call_id = ?", values)
        ledger_days.book(self._sql, row, {**row, **changes})

    def enter(self, call_id: str, at_ms: int, **accounts: int) -> None:
        """Journal movements of `held` and `spent` picodollars."""
        self.enter_each([(call_id, at_ms, account, pico) for account, pico in accounts.items()])

    def enter_each(self, movements: Sequence[tuple[str, int, str, int]]) -> None:
        """Journal movements: (call_id, at_ms, account, picodollars) each."""
        self._sql.run_each(_ENTER, movements)

    def hold(self, rows: Sequence[Sequence[Any]]) -> None:
        """Count one more call on counters, made where they lack: (key, budget, since_ms, resets_ms, spent, held,
        expected, spread2, open, alerted) each."""
        if rows:
            self._sql.run_each(_HOLD, rows)

    def move(
        self,
        charges: Sequence[tuple[str, int]],
        spent: int,
        expected: int = 0,
        spread2: float = 0.0,
        closed: int = 0,
        called: int = 0,
    ) -> None:
        """On each (key, held): add what was spent, release what was held, close calls."""
        rows = [(spent, held, expected, closed, spread2, closed, called, key) for key, held in charges]
        if rows:
            self._sql.run_each(_MOVE, rows)


@lru_cache(maxsize=64)
def _read_balances(count: int) -> str:
    marks = ", ".join("?" * count)
    return f"SELECT {quoted(_BALANCE_COLUMNS)} FROM ledger_balances WHERE key IN ({marks})"


def _parsed(row: dict[str, Any]) -> dict[str, Any]:
    row["charges"], row["tags"] = from_json(row["charges"]), from_json(row["tags"])
    return row
