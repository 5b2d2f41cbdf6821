"""Leases: which of several processes does what only one should. Knows names and moments, not the work.

A lease that is not renewed runs out, so the work of a killed process is taken up by another. Moments are the asker's
clock: where clocks differ by more than a lease's length, two may hold it, so the work must bear being done twice.
"""

from sqlalchemy import Connection

from router.log.driver_sql import Statements

_ASK = "SELECT holder, until_ms FROM leases WHERE name = ?"
_TAKE = "INSERT INTO leases (name, holder, until_ms) VALUES (?, ?, ?)"
_RENEW = "UPDATE leases SET holder = ?, until_ms = ? WHERE name = ?"
_RELEASE = "DELETE FROM leases WHERE name = ? AND holder = ?"


def hold(connection: Connection, name: str, holder: str, now_ms: int, length_ms: int) -> bool:
    """Take or renew a lease; whether it is `holder`'s now. In a writing transaction.

    One that another clock has dated further ahead than any lease lasts is taken: that clock has stepped back since.
    """
    statements = Statements(connection)
    found = statements.rows(_ASK, (name,), ("holder", "until_ms"))
    if not found:
        statements.run(_TAKE, (name, holder, now_ms + length_ms))
        return True
    other, until_ms = found[0]["holder"], found[0]["until_ms"]
    if other != holder and now_ms < until_ms <= now_ms + 2 * length_ms:
        return False
    statements.run(_RENEW, (holder, now_ms + length_ms, name))
    return True


def release(connection: Connection, name: str, holder: str) -> None:
    """Let another have it at once."""
    Statements(connection).run(_RELEASE, (name, holder))
