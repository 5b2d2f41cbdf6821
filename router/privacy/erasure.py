"""Forgetting a tenant or one of its users: every row about them goes, and the books keep amounts without names.

Works on tables by their columns: one with a `tenant`, a `decision_id` or a `lookup_id` is covered without being named.
What is kept, and why, stands in KEPT; a test holds every table of the store to one or the other.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, MetaData, Row, Table, delete, inspect, or_, select, update

from router.cache import tables as cache_tables
from router.log.tables import decisions
from router.migrations.schema import SCHEMA
from router.spend import ledger_tables

# Amounts belong to the books of whoever runs the service; keys, switches and statistics are no data of a user's.
KEPT = frozenset(
    {
        "ledger_calls",
        "ledger_entries",
        "ledger_balances",
        "ledger_days",
        "ledger_silences",
        "access_keys",
        "rate_buckets",
        "processes",
        "notices",
        "policy_changes",
        "policy_tallies",
        "guard_standings",
        "shadow_days",
        "drift_standings",
    }
)
_IDS = ("decision_id", "lookup_id")
_LOG, _CACHE = SCHEMA  # every table there is, whoever imported it
_PART = 500
Opener = Callable[[str, str], str]


@dataclass(frozen=True)
class Whom:
    """A tenant, or one of its users."""

    tenant: str
    user: str | None = None


@dataclass
class Forgotten:
    """Rows removed, by table; the decisions they were about, the hashes of the texts that were asked,
    and the cache's partitions that lost something."""

    rows: dict[str, int] = field(default_factory=dict)
    decision_ids: set[str] = field(default_factory=set)
    text_hashes: set[str] = field(default_factory=set)
    partitions: set[str] = field(default_factory=set)

    def take_in(self, other: "Forgotten") -> None:
        """Decisions and texts that were found besides."""
        self.decision_ids |= other.decision_ids
        self.text_hashes |= other.text_hashes

    def count(self, table: str, rows: int) -> None:
        if rows:
            self.rows[str(table)] = self.rows.get(table, 0) + rows  # SQLAlchemy names are a kind of str


def find(connection: Connection, whom: Whom) -> Forgotten:
    """The decisions and texts that the log knows of; nothing is removed yet."""
    found = Forgotten()
    if inspect(connection).has_table(decisions.name):
        about = select(decisions.c.decision_id, decisions.c.text_sha256).where(*_about(decisions, whom))
        for row in connection.execute(about):
            found.decision_ids.add(row.decision_id)
            found.text_hashes.add(row.text_sha256)
    return found


def forget_log(connection: Connection, whom: Whom, found: Forgotten) -> Forgotten:
    """Remove decisions and everything about them, and take the names out of the ledger."""
    there = set(inspect(connection).get_table_names())
    gone = Forgotten(decision_ids=found.decision_ids)
    _forget_rows(connection, _present(_LOG, there), whom, gone)
    if ledger_tables.calls.name in there:
        calls = ledger_tables.calls
        about_calls = [calls.c.tenant == whom.tenant, *([calls.c.user == whom.user] if whom.user else [])]
        gone.count("ledger_calls (names only)", nameless(connection, *about_calls))
    if whom.user is None and ledger_tables.alerts.name in there:
        alerts = ledger_tables.alerts
        gone.count(alerts.name, connection.execute(delete(alerts).where(alerts.c.subject == whom.tenant)).rowcount)
    return gone


def forget_cache(connection: Connection, whom: Whom, log: Forgotten, opened: Opener) -> Forgotten:
    """Remove a tenant's part of the cache; of a user's, the answers that its decisions brought, and those that one of
    its wordings leads to: other processes then find neither. `opened(text, partition)` reads what is sealed. Raises
    SealedError, with nothing removed, where a user's wordings cannot be looked into."""
    gone, there = Forgotten(decision_ids=log.decision_ids), set(inspect(connection).get_table_names())
    if cache_tables.answers.name in there:
        answers, entries = cache_tables.answers, cache_tables.entries
        mine = _answers_of(connection, whom, log, opened)
        gone.partitions = set(mine.values())
        for part in _parts(sorted(mine)):
            gone.count(entries.name, connection.execute(delete(entries).where(entries.c.answer_id.in_(part))).rowcount)
            gone.count(answers.name, connection.execute(delete(answers).where(answers.c.answer_id.in_(part))).rowcount)
    _forget_rows(connection, _present(_CACHE, there), whom, gone)
    return gone


def nameless(connection: Connection, *which: Any, most: int | None = None) -> int:
    """Take user, session, task and tags out of the ledger's calls that meet every condition; how many these were.

    Counters that carry such a name get another one, so that the books still balance.
    """
    calls, balances = ledger_tables.calls, ledger_tables.balances
    named = ("call_id", "user", "session", "task_id", "tags", "charges")
    told = or_(calls.c.user.is_not(None), calls.c.session.is_not(None), calls.c.task_id != calls.c.call_id)
    rows = connection.execute(select(*(calls.c[one] for one in named)).where(told, *which).limit(most)).all()
    aliases: dict[str, str] = {}
    for row in rows:
        parts = [
            f"user={row.user}",
            f"task_id={row.task_id}",
            row.task_id,
            *(f"tags.{n}={t}" for n, t in row.tags.items()),
        ]
        renamed = {key: _renamed(key, parts, aliases) for key, _ in row.charges}
        for old, new in renamed.items():
            if new != old:
                connection.execute(update(balances).where(balances.c.key == old).values(key=new))
        changed = {"charges": [[renamed[key], held] for key, held in row.charges], "task_id": row.call_id}
        changed |= {"user": None, "session": None, "tags": {}}
        connection.execute(update(calls).where(calls.c.call_id == row.call_id).values(changed))
    return len(rows)


def _renamed(key: str, parts: Sequence[str], aliases: dict[str, str]) -> str:
    """A counter's key is its budget's name, then the values of its scope and the period: see router.spend.budgets."""
    whole = f"{key}|"
    for part in parts:
        if f"|{part}|" in whole:
            dimension = part.partition("=")[0] + "=" if "=" in part else ""
            alias = aliases.setdefault(part, f"{dimension}forgotten-{secrets.token_hex(6)}")
            whole = whole.replace(f"|{part}|", f"|{alias}|")
    return whole[:-1]


def _forget_rows(connection: Connection, tables: Sequence[Table], whom: Whom, gone: Forgotten) -> None:
    """Rows about the decisions that were found, then rows of the tenant; those that others refer to last."""
    for table in tables:
        if table.name in KEPT or table is cache_tables.answers:
            continue
        for name in _IDS:
            if name in table.c and table is not decisions:
                for part in _parts(sorted(gone.decision_ids)):
                    gone.count(table.name, connection.execute(delete(table).where(table.c[name].in_(part))).rowcount)
        if "tenant" in table.c and (whom.user is None or "user" in table.c):
            gone.count(table.name, connection.execute(delete(table).where(*_about(table, whom))).rowcount)


def _answers_of(connection: Connection, whom: Whom, log: Forgotten, opened: Opener) -> dict[int, str]:
    """The answers to remove, and the partition of each."""
    answers, entries = cache_tables.answers, cache_tables.entries
    asked = (
        select(answers.c.answer_id, answers.c.partition, answers.c.source, entries.c.text)
        .join(entries, answers.c.answer_id == entries.c.answer_id, isouter=True)
        .where(answers.c.tenant == whom.tenant)
    )
    return {
        row.answer_id: row.partition
        for row in connection.execute(asked)
        if whom.user is None or row.source in log.decision_ids or _hash(opened, row) in log.text_hashes
    }


def _hash(opened: Opener, row: Row[*tuple[Any, ...]]) -> str:
    """Empty for an answer without a wording."""
    if row.text is None:
        return ""
    text = opened(row.text, row.partition)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _about(table: Table, whom: Whom) -> list[Any]:
    return [table.c.tenant == whom.tenant, *([table.c.user == whom.user] if whom.user is not None else [])]


def _present(known: MetaData, there: set[str]) -> list[Table]:
    """Tables that exist, those that refer to others first."""
    return [table for table in reversed(known.sorted_tables) if table.name in there]


def _parts(ids: Sequence[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(ids), _PART):
        yield list(ids[start : start + _PART])


def totals(*found: Mapping[str, int]) -> dict[str, int]:
    """Rows by table, of several parts of a store."""
    summed: dict[str, int] = {}
    for one in found:
        for table, rows in one.items():
            summed[table] = summed.get(table, 0) + rows
    return dict(sorted(summed.items()))
