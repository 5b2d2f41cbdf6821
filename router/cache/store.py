"""Answers, entries, their histories and each tenant's state in SQL. Knows how they are kept, not what is served.

SQLite in WAL mode by default, any SQLAlchemy URL otherwise. A change is one transaction and committed when the method
returns, so a killed process loses nothing and two processes may share a store.
"""

import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, delete, func, select, update
from sqlalchemy.exc import SQLAlchemyError

from router.cache.answers import NewAnswer
from router.cache.keeping import drop_unworded, insert_entry, keep_answer
from router.cache.key import CacheKey
from router.cache.likeness import alike_among, alike_in_database, keep_in_database, nearest_in_database
from router.cache.sealing import open_answer
from router.cache.stored import Label, StoredAnswer, StoredEntry
from router.cache.tables import answers, entries, states
from router.errors import StoreError
from router.log.database import CACHE_LOCK, open_database, put
from router.log.driver_sql import from_json, in_style_of, quoted
from router.migrations.upgrade import prepare
from router.migrations.vectors import has_vectors
from router.privacy.cipher import Cipher, SealedError


class CacheStore:
    """Raises StoreError when the database does not answer."""

    def __init__(
        self, url: str, *, timeout_seconds: float = 1.0, fsync: bool = False, cipher: Cipher | None = None
    ) -> None:
        self.cipher = cipher or Cipher()
        self._engine = open_database(url, timeout_seconds, fsync, CACHE_LOCK)
        with self.writing() as connection:
            prepare(connection)
            self._searches = has_vectors(connection)

    def insert(
        self,
        key: CacheKey,
        answer: NewAnswer,
        text: str,
        vector: np.ndarray | None,
        encoder: str,
        created: float,
        expires: float,
    ) -> tuple[int, int]:
        """Keep a wording with its answer, in place of an equal wording: (answer_id, entry_id)."""
        equal = (entries.c.partition == key.partition, entries.c.exact == key.exact)
        with self.writing() as connection:
            stale = connection.scalar(select(entries.c.answer_id).where(*equal))
            connection.execute(delete(entries).where(*equal))
            answer_id = keep_answer(connection, key, answer, created, expires, self.cipher)
            sealed = self.cipher.seal(text, key.partition)
            entry_id = insert_entry(connection, key, answer_id, sealed, vector, encoder, created)
            if vector is not None and self._searches:
                keep_in_database(connection, entry_id, vector)
            if stale is not None and stale != answer_id:
                drop_unworded(connection, stale)
        return answer_id, entry_id

    def answer(self, answer_id: int) -> StoredAnswer | None:
        """On the driver's own cursor: every hit waits for this, 50 microseconds instead of 300."""
        dialect = self._engine.dialect
        try:
            connection = self._engine.raw_connection()
            try:
                cursor = connection.cursor()
                cursor.execute(in_style_of(dialect, _ANSWER), (answer_id,))
                row = cursor.fetchone()
            finally:
                connection.close()
        except (SQLAlchemyError, dialect.loaded_dbapi.Error) as error:
            raise StoreError(f"the cache store could not be read: {type(error).__name__}") from error
        if row is None:
            return None
        return self._opened(row)

    def _opened(self, row: Sequence[Any]) -> StoredAnswer | None:
        """None for what none of our keys opens: it is as if it were not there."""
        kept = dict(zip(StoredAnswer.__dataclass_fields__, row))
        with suppress(SealedError):
            return StoredAnswer(**open_answer(self.cipher, kept) | {"tags": from_json(kept["tags"])})
        return None

    def entries_after(self, partition: str, entry_id: int, encoder: str) -> Iterator[StoredEntry]:
        """Entries of a partition that came after one, oldest first. Vectors of another encoder are left out."""
        query = (
            _WHOLE_ENTRIES.where(entries.c.partition == partition, entries.c.entry_id > entry_id)
            .order_by(entries.c.entry_id)
            .execution_options(yield_per=1_000)
        )
        with self.reading() as connection:
            yield from self._entries(connection.execute(query), encoder)

    def _entries(self, rows: Iterable[Row[Any]], encoder: str | None) -> Iterator[StoredEntry]:
        """What none of our keys opens is as if it were not there."""
        for row in rows:
            fits = row.vector is not None and row.encoder == encoder
            with suppress(SealedError):
                text = self.cipher.open(row.text, row.partition)
                yield StoredEntry(row, text, np.frombuffer(row.vector, np.float32) if fits else None)

    @property
    def searches(self) -> bool:
        """Whether the database can tell which entries are near."""
        return self._searches

    def has_more(self, partition: str, count: int) -> bool:
        """Whether a partition has more than so many entries."""
        some = select(entries.c.entry_id).where(entries.c.partition == partition).limit(count + 1).subquery()
        with self.reading() as connection:
            return int(connection.scalar(select(func.count()).select_from(some)) or 0) > count

    def equal(self, partition: str, exact: bytes) -> list[StoredEntry]:
        """The entry of the byte-identical request, without its vector."""
        query = _WHOLE_ENTRIES.where(entries.c.partition == partition, entries.c.exact == exact)
        with self.reading() as connection:
            return list(self._entries(connection.execute(query), None))

    def nearest(
        self, partition: str, encoder: str, vector: np.ndarray, count: int, seconds: float
    ) -> list[StoredEntry]:
        """A partition's entries nearest to a unit vector, found by the database; none where it cannot search. Raises
        StoreError where that takes longer than `seconds`."""
        if not self._searches:
            return []
        query = nearest_in_database(_WHOLE_ENTRIES, vector, count).where(
            entries.c.partition == partition, entries.c.encoder == encoder
        )
        with self.reading() as connection:
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {max(1, round(1000 * seconds))}")
            return list(self._entries(connection.execute(query), encoder))

    def changed_since(self, entry_id: int) -> tuple[int, list[tuple[str, str]]]:
        """The newest entry, and (tenant, partition) of those that have entries after one."""
        query = (
            select(answers.c.tenant, entries.c.partition, func.max(entries.c.entry_id))
            .join(answers, answers.c.answer_id == entries.c.answer_id)
            .where(entries.c.entry_id > entry_id)
            .group_by(answers.c.tenant, entries.c.partition)
        )
        with self.reading() as connection:
            rows = connection.execute(query).all()
        return max([entry_id, *(row[2] for row in rows)]), [(row[0], row[1]) for row in rows]

    def partitions(self, tenant: str | None = None) -> list[tuple[str, str]]:
        """(tenant, partition) of everything stored."""
        query = select(answers.c.tenant, answers.c.partition).distinct()
        with self.reading() as connection:
            rows = connection.execute(query if tenant is None else query.where(answers.c.tenant == tenant)).all()
        return [(row.tenant, row.partition) for row in rows]

    def set_vector(self, entry_id: int, vector: np.ndarray, encoder: str) -> None:
        """The wording was embedded anew, with another encoder."""
        with self.writing() as connection:
            values = {"vector": vector.astype(np.float32).tobytes(), "encoder": encoder}
            connection.execute(update(entries).where(entries.c.entry_id == entry_id).values(values))
            if self._searches:
                keep_in_database(connection, entry_id, vector)

    def alike(self, tenant: str, encoder: str, vector: np.ndarray, least: float) -> set[int]:
        """A tenant's answers with a wording whose cosine to a unit vector is at least `least`."""
        if not self._searches:
            return alike_among(self.vectors(tenant), encoder, vector, least)
        with self.reading() as connection:
            return alike_in_database(connection, tenant, encoder, vector, least)

    def learn(self, label: Label) -> None:
        """Add to the histories. Increments, so that two processes both count."""
        judged = label.entries[0]
        field = "confirmed" if label.valid else "refuted"
        with self.writing() as connection:
            at = update(entries).where(entries.c.entry_id == judged)
            connection.execute(at.values({field: entries.c[field] + 1}))
            if not label.valid:
                connection.execute(at.where(entries.c.refuted_at < label.cosine).values(refuted_at=label.cosine))
            of_answer = update(answers).where(answers.c.answer_id == label.answer_id)
            connection.execute(of_answer.values({field: answers.c[field] + 1}))
            added = {
                "labels": entries.c.labels + 1,
                "wrong": entries.c.wrong + int(not label.valid),
                "foretold": entries.c.foretold + label.risk,
            }
            connection.execute(update(entries).where(entries.c.entry_id.in_(label.entries)).values(added))

    def count_served(self, times: Mapping[int, int]) -> None:
        """Add to how often answers were served, by answer_id."""
        with self.writing() as connection:
            for answer_id, more in times.items():
                served = update(answers).where(answers.c.answer_id == answer_id)
                connection.execute(served.values(served=answers.c.served + more))

    def remove(self, answer_ids: Sequence[int], expired_by: float | None = None) -> int:
        """Delete answers and their wordings; how many answers there were. With `expired_by`, only those whose time is
        over then: another process may have renewed one."""
        removed = 0
        with self.writing() as connection:
            for start in range(0, len(answer_ids), 500):
                part = list(answer_ids[start : start + 500])
                if expired_by is not None:
                    over = answers.c.answer_id.in_(part), answers.c.expires <= expired_by
                    part = list(connection.scalars(select(answers.c.answer_id).where(*over)))
                connection.execute(delete(entries).where(entries.c.answer_id.in_(part)))
                removed += connection.execute(delete(answers).where(answers.c.answer_id.in_(part))).rowcount
        return removed

    def find(
        self,
        tenant: str,
        *,
        fingerprint: str | None = None,
        created_before: float | None = None,
        source: str | None = None,
    ) -> list[StoredAnswer]:
        """A tenant's answers: of one fingerprint, made before a moment, or given last to one lookup."""
        query = select(*_ANSWER_COLUMNS).where(answers.c.tenant == tenant)
        if fingerprint is not None:
            query = query.where(answers.c.fingerprint == fingerprint)
        if created_before is not None:
            query = query.where(answers.c.created < created_before)
        if source is not None:
            query = query.where(answers.c.source == source)
        with self.reading() as connection:
            rows = connection.execute(query.order_by(answers.c.answer_id)).all()
        return [found for row in rows if (found := self._opened(row)) is not None]

    def vectors(self, tenant: str) -> Iterator[tuple[int, np.ndarray | None, str]]:
        """(answer_id, vector, encoder) of each of a tenant's entries."""
        query = (
            select(entries.c.answer_id, entries.c.vector, entries.c.encoder)
            .join(answers, answers.c.answer_id == entries.c.answer_id)
            .where(answers.c.tenant == tenant)
        )
        with self.reading() as connection:
            for row in connection.execution_options(yield_per=1_000).execute(query):
                vector = None if row.vector is None else np.frombuffer(row.vector, np.float32)
                yield row.answer_id, vector, row.encoder

    def totals(self) -> dict[str, tuple[int, int]]:
        """Answers and characters of their content, per tenant."""
        query = select(answers.c.tenant, func.count(), func.sum(func.length(answers.c.content))).group_by(
            answers.c.tenant
        )
        with self.reading() as connection:
            return {row[0]: (int(row[1]), int(row[2] or 0)) for row in connection.execute(query)}

    def save_state(self, tenant: str, state: Mapping[str, Any]) -> None:
        """The last writer wins: each process keeps the promise for its own traffic, and a restart takes over one of
        these whole states rather than a mixture."""
        with self.writing() as connection:
            values = {"state": dict(state), "saved": time.time()}
            put(connection, states, {"tenant": tenant}, values)

    def load_state(self, tenant: str) -> dict[str, Any] | None:
        with self.reading() as connection:
            return connection.scalar(select(states.c.state).where(states.c.tenant == tenant))

    def secret(self) -> bytes:
        """What index files beside this store are signed with; made at first use. No tenant has an empty name."""
        kept = self.load_state("")
        if kept is None:
            self.save_state("", {"secret": secrets.token_hex(32)})
            kept = self.load_state("") or {}
        return bytes.fromhex(kept["secret"])

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection in a writing transaction, committed at the end."""
        try:
            with self._engine.execution_options(writes=True).begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StoreError(f"the cache store could not be written: {type(error).__name__}") from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read from."""
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StoreError(f"the cache store could not be read: {type(error).__name__}") from error


_WHOLE_ENTRIES = select(
    entries,
    answers.c.usd,
    answers.c.expires,
    answers.c.served,
    answers.c.created.label("answer_created"),
    answers.c.confirmed.label("answer_confirmed"),
    answers.c.refuted.label("answer_refuted"),
).join(answers, answers.c.answer_id == entries.c.answer_id)
_ANSWER_COLUMNS = [answers.c[name] for name in StoredAnswer.__dataclass_fields__]
_ANSWER = f"SELECT {quoted(StoredAnswer.__dataclass_fields__)} FROM cache_answers WHERE answer_id = ?"
