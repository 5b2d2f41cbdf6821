"""The rows of the cache's journal in SQL. Knows how they are kept, not what they say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select

from router.cache.store import CacheStore
from router.cache.tables import journal


@dataclass(frozen=True)
class News:
    """What one process tells of one tenant."""

    journal_id: int
    process: str
    tenant: str
    news: Mapping[str, Any]


class JournalStore:
    """Raises StoreError when the database does not answer. Rows become visible in the order of their numbers, because
    writers of the cache go one after the other."""

    def __init__(self, store: CacheStore) -> None:
        self._store = store

    def append(self, at: float, news: Sequence[News]) -> None:
        rows = [{"tenant": one.tenant, "process": one.process, "at": at, "news": dict(one.news)} for one in news]
        with self._store.writing() as connection:
            connection.execute(journal.insert(), rows)

    def after(self, journal_id: int, but_of: str | None, tenant: str | None = None) -> list[News]:
        """Rows after one, oldest first, but those of a process; of all tenants or of one."""
        columns = (journal.c.journal_id, journal.c.process, journal.c.tenant, journal.c.news)
        query = select(*columns).where(journal.c.journal_id > journal_id)
        if but_of is not None:
            query = query.where(journal.c.process != but_of)
        if tenant is not None:
            query = query.where(journal.c.tenant == tenant)
        with self._store.reading() as connection:
            return [News(*row) for row in connection.execute(query.order_by(journal.c.journal_id))]

    def last(self) -> int:
        with self._store.reading() as connection:
            return int(connection.scalar(select(func.max(journal.c.journal_id))) or 0)

    def sweep(self, before: float) -> None:
        """Forget what everybody has read long ago."""
        with self._store.writing() as connection:
            connection.execute(delete(journal).where(journal.c.at < before))
