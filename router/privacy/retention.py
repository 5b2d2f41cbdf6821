"""What is too old leaves: texts first, then decisions with everything about them, then names in the ledger.

A little at a time, so that no decision waits for it. Knows ages; nothing of what is in the rows.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, inspect, select, update

from router.cache.tables import answers, entries
from router.log.tables import decisions
from router.migrations.schema import SCHEMA
from router.privacy.erasure import KEPT, nameless
from router.spend.ledger_tables import calls

MOST = 500  # rows of each kind at a time


@dataclass(frozen=True)
class Retention:
    """Days that prompt texts, decisions and names in the ledger are kept; None: for ever."""

    text_days: float | None = None
    log_days: float | None = None
    names_days: float | None = None


def retire_log(connection: Connection, kept: Retention, now: datetime) -> int:
    """Remove at most MOST rows of each kind that are over their time; how many that were. Ask again until none is."""
    there = set(inspect(connection).get_table_names())
    done = 0
    if kept.text_days is not None and decisions.name in there:
        done += _texts(connection, now - timedelta(days=kept.text_days))
    if kept.log_days is not None and decisions.name in there:
        done += _decisions(connection, now - timedelta(days=kept.log_days), there)
    if kept.names_days is not None and calls.name in there:
        until_ms = int((now - timedelta(days=kept.names_days)).timestamp() * 1000)
        # a call that is still out keeps its names until it settles or expires
        old = (calls.c.at_ms < until_ms, calls.c.state != "reserved")
        done += nameless(connection, *old, most=MOST)
    return done


def retire_cache(connection: Connection, now: float) -> int:
    """Remove answers whose time is over, whether or not anybody asks for them again."""
    if not inspect(connection).has_table(answers.name):
        return 0
    over = list(connection.scalars(select(answers.c.answer_id).where(answers.c.expires <= now).limit(MOST)))
    if over:
        connection.execute(delete(entries).where(entries.c.answer_id.in_(over)))
        connection.execute(delete(answers).where(answers.c.answer_id.in_(over)))
    return len(over)


def _texts(connection: Connection, until: datetime) -> int:
    old = select(decisions.c.decision_id).where(decisions.c.at < until, decisions.c.text.is_not(None)).limit(MOST)
    ids = list(connection.scalars(old))
    if ids:
        connection.execute(update(decisions).where(decisions.c.decision_id.in_(ids)).values(text=None))
    return len(ids)


def _decisions(connection: Connection, until: datetime, there: set[str]) -> int:
    ids = list(connection.scalars(select(decisions.c.decision_id).where(decisions.c.at < until).limit(MOST)))
    for table in reversed(SCHEMA[0].sorted_tables):
        if ids and table.name in there and table.name not in KEPT and "decision_id" in table.c:
            connection.execute(delete(table).where(table.c.decision_id.in_(ids)))
    return len(ids)
