"""The tables of keys and of what is left of their rates. Digests only: what is stolen from here opens nothing."""

from sqlalchemy import JSON, Column, Float, Integer, LargeBinary, String, Table

from router.log.tables import metadata

# `revision` grows with every change of any key, so that one number tells whether to read them again.
access_keys = Table(
    "access_keys",
    metadata,
    Column("key_id", String(12), primary_key=True),
    Column("tenant", String(200), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("created", Float, nullable=False),
    Column("name", String(200), nullable=False),
    Column("expires", Float),
    Column("revoked", Float),
    Column("requests_per_second", Float),
    Column("old_digest", LargeBinary(32)),
    Column("old_until", Float),
    Column("revision", Integer, nullable=False),
)

# What a key may still ask at once, as it was `at` seconds since 1970 by the database's own clock. Below zero where
# several processes let more through than there was.
rate_buckets = Table(
    "rate_buckets",
    metadata,
    Column("key_id", String(12), primary_key=True),
    Column("tokens", Float, nullable=False),
    Column("at", Float, nullable=False),
)
