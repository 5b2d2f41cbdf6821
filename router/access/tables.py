"""The table of keys. Digests only: what is stolen from here opens nothing."""

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
