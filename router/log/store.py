"""Decisions and outcomes in SQL, joined by `decision_id`. Knows how records are kept, not how they come about.

SQLite in WAL mode by default, any SQLAlchemy URL otherwise. The statements are plain SQL of both.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Connection, func, inspect, select
from sqlalchemy.exc import DataError, SQLAlchemyError

from router.decisions import Decision, Outcome
from router.errors import InputError, StoreError, UnknownDecisionError
from router.log.database import open_database, put, spool_folder
from router.log.inserting import insert_decisions, known_decisions
from router.log.late import Deferred, LateLog
from router.log.rows import decision_row
from router.log.spool import Spool
from router.log.tables import decisions, outcomes, probes
from router.log.writer import LogWriter
from router.outcomes import Pricer, as_decided, billed, conflicts, content_digest, facts, merge
from router.prices import now
from router.privacy.redaction import redact_all
from router.privacy.text_rule import NO_TEXT, TextRule
from router.requests import Request
from router.routes import Route

T = TypeVar("T")
# What else belongs into a record's transaction: a reservation beside a decision, a settlement beside a report.
Reserve = Callable[[Connection], Any]
Settle = Callable[[Connection, Mapping[str, Any], Outcome, Outcome, Decimal | None, str], None]


@dataclass(frozen=True)
class Recorded:
    """A report as it was taken. `usd` is the exact bill of the decision by all reports so far, `added_usd` this
    report's part of it; `conflicts` are the fields in which it contradicts an earlier report; `decision` is the row of
    the decision that it is about."""

    decision_id: str
    repeated: bool
    conflicts: Mapping[str, Any]
    usd: Decimal | None
    added_usd: Decimal = Decimal(0)
    decision: Mapping[str, Any] = field(default_factory=dict)


class LogStore:
    """The log of decisions and outcomes. Writing never raises at once: it hands out a future.

    A future that is done was committed. A future fails with StoreError when nothing was written.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float = 1.0,
        fsync: bool = False,
        keep_text: TextRule = NO_TEXT,
        late: type[Deferred] | None = None,
    ) -> None:
        """With `late`, what nothing can refuse is acknowledged once it is in a spool beside an SQLite file. Other
        machines could not find it there, and a power cut might take it: so not on PostgreSQL, nor with `fsync`."""
        self._engine = open_database(url, timeout_seconds, fsync)
        self._writer = LogWriter(self._engine, patience_seconds=2 * timeout_seconds)
        self.keep_text, self._timeout = keep_text, timeout_seconds
        folder = None if late is None or fsync else spool_folder(self._engine.url)
        self._late = None
        if folder is not None and late is not None:
            self._late = LateLog(Spool(folder), self._writer, late)

    @property
    def pending(self) -> int:
        """Records that wait to be written."""
        return self._writer.pending + (self._late.pending if self._late else 0)

    @property
    def away(self) -> bool:
        """Whether the database is known not to answer."""
        return self._writer.away

    def append(self, decision: Decision, request: Request, reserve: Reserve | None = None) -> Future[Any]:
        """Keep a decision; the future's result is that of `reserve`, which runs in the same transaction or refuses."""
        row = decision_row(decision, request, self.keep_text.allows(request.tenant))
        late = self._late
        if late is not None and isinstance(reserve, late.kind) and late.take(row, reserve):
            return _kept(reserve.result)
        return self._writer.submit(lambda connection: _insert_decision(connection, row, reserve))

    def write(self, work: Callable[[Connection], T]) -> Future[T]:
        """Run a function in a writing transaction of the log's database."""
        return self._writer.submit(work)

    def append_once(self, row: Mapping[str, Any], reserve: Reserve | None = None) -> Future[None]:
        """Keep a decision that was derived from another one, unless it was kept before."""
        return self._writer.submit(lambda connection: _insert_once(connection, row, reserve))

    def report(
        self, outcome: Outcome, price: Pricer, key: str | None = None, settle: Settle | None = None
    ) -> Future[Recorded]:
        """Keep a report once: known again by `key` (an Idempotency-Key), else by its content.

        The future raises UnknownDecisionError for an id that this tenant was never given, InputError for a key that
        came with other content before. What a report says in words loses its secrets and personal data first, unless
        its tenant's texts are kept.
        """
        if not self.keep_text.allows(outcome.tenant):
            outcome = replace(outcome, error=redact_all(outcome.error), details=redact_all(outcome.details))
        return self._writer.submit(lambda connection: self._report(connection, outcome, price, key, settle))

    def recover(self) -> int:
        """Keep what killed processes were about to write; how many decisions. Raises StoreError."""
        return self._late.recover() if self._late else 0

    def settle_everywhere(self) -> None:
        """Return when every decision that any process on this store has acknowledged is in it. Raises StoreError."""
        if self._late is not None:
            self._late.settle_everywhere()

    def probe(self) -> Future[None]:
        """Write something, to learn whether writing works."""
        return self._writer.submit(_write_probe)

    def decision(self, decision_id: str, tenant: str = "default") -> Mapping[str, Any]:
        """A decision's row. Raises UnknownDecisionError."""
        with self.reading() as connection:
            return _decision(connection, decision_id, tenant)

    def outcome_of(self, decision_id: str, tenant: str = "default") -> Outcome | None:
        """All reports on a decision merged, later fields winning; None before the first. `usd` is billed or priced."""
        with self.reading() as connection:
            _decision(connection, decision_id, tenant)
            return _merged(decision_id, tenant, _reports(connection, decision_id))

    def reports_of(self, decision_id: str, tenant: str = "default") -> list[Mapping[str, Any]]:
        """Every report on a decision as it came, in order."""
        with self.reading() as connection:
            _decision(connection, decision_id, tenant)
            return _reports(connection, decision_id)

    def joined(
        self, tenant: str, since: datetime | None = None, until: datetime | None = None, most: int = 100_000
    ) -> list[tuple[Mapping[str, Any], Outcome | None]]:
        """A tenant's latest decisions of a period, oldest first, each with its merged outcome; at most `most`."""
        period = [decisions.c.tenant == tenant]
        if since is not None:
            period.append(decisions.c.at >= since)
        if until is not None:
            period.append(decisions.c.at < until)
        latest = select(decisions).where(*period).order_by(decisions.c.at.desc()).limit(most)
        reported = select(outcomes).join(decisions).where(*period).order_by(outcomes.c.report_id)
        with self.reading() as connection:
            if not inspect(connection).has_table(decisions.name):  # nothing was ever written
                return []
            rows = [dict(row) for row in connection.execute(latest).mappings()]
            reports: dict[str, list[Mapping[str, Any]]] = {}
            for report in connection.execute(reported).mappings():
                reports.setdefault(report["decision_id"], []).append(dict(report))
        return [
            (row, _merged(row["decision_id"], tenant, reports.get(row["decision_id"], []))) for row in reversed(rows)
        ]

    def counts(self) -> tuple[int, int]:
        """How many decisions and reports are kept."""
        with self.reading() as connection:
            one, two = (select(func.count()).select_from(table) for table in (decisions, outcomes))
            return connection.execute(one).scalar_one(), connection.execute(two).scalar_one()

    def _report(self, connection: Connection, outcome: Outcome, *how: Any) -> Recorded:
        try:
            return _insert_report(connection, outcome, *how)
        except UnknownDecisionError:
            if self._late is None or not self._late.bring(connection, outcome.decision_id):
                raise
            return _insert_report(connection, outcome, *how)

    def close(self) -> None:
        """Write what waits, then let go of the database."""
        if self._late is not None:
            self._late.stop()
        self._writer.close()
        if self._late is not None:
            self._late.close()
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read from. Raises StoreError where the database cannot be read, InputError where it was asked
        for what it can never hold."""
        if self._late is not None:
            self._late.settle(self._timeout)
        try:
            with self._engine.connect() as connection:
                yield connection
        except DataError as error:
            raise InputError("query", None, f"the store refuses a value: {error.orig}", "Send plain text.") from error
        except (SQLAlchemyError, OSError) as error:
            raise StoreError(f"the store cannot be read: {getattr(error, 'orig', None) or error}") from error


@lru_cache(maxsize=16)
def _kept(result: Any) -> Future[Any]:
    """A future that is done: one for all, because nobody can change it any more."""
    future: Future[Any] = Future()
    future.set_result(result)
    return future


def _insert_decision(connection: Connection, row: Mapping[str, Any], reserve: Reserve | None) -> Any:
    reserved = reserve(connection) if reserve else None
    insert_decisions(connection, [row])
    return reserved


def _insert_once(connection: Connection, row: Mapping[str, Any], reserve: Reserve | None) -> None:
    if not known_decisions(connection, [row["decision_id"]]):
        _insert_decision(connection, row, reserve)


def _insert_report(
    connection: Connection, outcome: Outcome, price: Pricer, key: str | None, settle: Settle | None
) -> Recorded:
    row = _decision(connection, outcome.decision_id, outcome.tenant)
    digest = content_digest(outcome)
    # hashed: a caller's key may be of any length
    report_key = f"content:{digest}" if key is None else f"key:{hashlib.sha256(key.encode()).hexdigest()}"
    reports = _reports(connection, outcome.decision_id)
    before = _merged(outcome.decision_id, outcome.tenant, reports)
    known = [report for report in reports if report["report_key"] == report_key]
    if known:
        if known[0]["content_sha256"] != digest:
            cure = "Use a new key for a new report."
            raise InputError("Idempotency-Key", key, "came before with another report on this decision", cure)
        return Recorded(outcome.decision_id, True, known[0]["conflicts"], before.usd if before else None, decision=row)
    said = [*(report["said"] for report in reports), facts(outcome)]
    merged = as_decided(merge(outcome.decision_id, outcome.tenant, said), row["options"][0].get("service_tier"))
    usd = billed(merged, Route.parse(row["route"]), row["at"], price)
    contradicts = conflicts(merge(outcome.decision_id, outcome.tenant, said[:-1]), outcome)
    connection.execute(
        outcomes.insert(),
        {
            "decision_id": outcome.decision_id,
            "report_key": report_key,
            "content_sha256": digest,
            "received_at": now(),
            "said": facts(outcome),
            "conflicts": contradicts,
            "usd": usd,
        },
    )
    if settle:
        settle(connection, row, outcome, merged, usd, report_key)
    added = (usd or Decimal(0)) - ((before.usd if before else None) or Decimal(0))
    return Recorded(outcome.decision_id, False, contradicts, usd, added, row)


def _decision(connection: Connection, decision_id: str, tenant: str) -> Mapping[str, Any]:
    asked = select(decisions).where(decisions.c.decision_id == decision_id, decisions.c.tenant == tenant)
    row = connection.execute(asked).mappings().one_or_none()
    if row is None:
        raise UnknownDecisionError(decision_id)
    return dict(row)


def _reports(connection: Connection, decision_id: str) -> list[Mapping[str, Any]]:
    asked = select(outcomes).where(outcomes.c.decision_id == decision_id).order_by(outcomes.c.report_id)
    return [dict(row) for row in connection.execute(asked).mappings()]


def _merged(decision_id: str, tenant: str, reports: list[Mapping[str, Any]]) -> Outcome | None:
    if not reports:
        return None
    merged = merge(decision_id, tenant, [report["said"] for report in reports])
    # the last report's bill was priced from everything known by then
    return replace(merged, usd=reports[-1]["usd"])


def _write_probe(connection: Connection) -> None:
    put(connection, probes, {"probe": 1}, {"at": now()})
