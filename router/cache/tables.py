"""The tables of the cache: answers, the wordings that lead to them, and each tenant's state. Plain types only."""

from sqlalchemy import (
    JSON,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()
answers = Table(
    "cache_answers",
    metadata,
    Column("answer_id", Integer, primary_key=True, autoincrement=True),
    Column("tenant", String(200), nullable=False),
    Column("partition", String(64), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("content", Text, nullable=False),
    Column("model", String(200), nullable=False),
    Column("extra", JSON, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("answer_key", Text),
    Column("digest", String(64), nullable=False),
    Column("source", String(64), nullable=False, default=""),
    Column("usd", Float, nullable=False),
    Column("created", Float, nullable=False),
    Column("expires", Float, nullable=False),
    Column("served", Integer, nullable=False, default=0),
    Column("confirmed", Integer, nullable=False, default=0),
    Column("refuted", Integer, nullable=False, default=0),
    Index("cache_answers_by_tenant", "tenant", "created"),
    Index("cache_answers_by_partition", "partition", "digest"),
    Index("cache_answers_by_source", "source"),
    # an identifier must never be given twice: another process may still hold the old answer's
    sqlite_autoincrement=True,
)
entries = Table(
    "cache_entries",
    metadata,
    Column("entry_id", Integer, primary_key=True, autoincrement=True),
    Column("answer_id", Integer, ForeignKey("cache_answers.answer_id"), nullable=False, index=True),
    Column("partition", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("exact", LargeBinary(16), nullable=False),
    Column("vector", LargeBinary),
    Column("encoder", String(200), nullable=False),
    Column("created", Float, nullable=False),
    Column("confirmed", Integer, nullable=False, default=0),
    Column("refuted", Integer, nullable=False, default=0),
    Column("labels", Float, nullable=False, default=0.0),
    Column("wrong", Float, nullable=False, default=0.0),
    Column("foretold", Float, nullable=False, default=0.0),
    Column("refuted_at", Float, nullable=False, default=-1.0),
    UniqueConstraint("partition", "exact", name="cache_entries_once"),
    sqlite_autoincrement=True,
)
states = Table(
    "cache_states",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("state", JSON, nullable=False),
    Column("saved", Float, nullable=False),
)
# What one process has seen and learnt, for the others to do after it: see router.cache.journal.
journal = Table(
    "cache_journal",
    metadata,
    Column("journal_id", Integer, primary_key=True, autoincrement=True),
    Column("tenant", String(200), nullable=False),
    Column("process", String(32), nullable=False),
    Column("at", Float, nullable=False),
    Column("news", JSON, nullable=False),
    Index("cache_journal_by_time", "at"),
    sqlite_autoincrement=True,
)
# Lookups whose answer is still awaited, so that any process may take it: see router.cache.waiting.
waiting = Table(
    "cache_waiting",
    metadata,
    Column("lookup_id", String(64), primary_key=True),
    Column("tenant", String(200), nullable=False),
    Column("at", Float, nullable=False),
    Column("text", Text, nullable=False),
    Column("vector", LargeBinary),
    Column("lookup", JSON, nullable=False),
    Index("cache_waiting_by_time", "at"),
)
