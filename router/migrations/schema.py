"""Every table that the service keeps, as one schema. Knows which they are, not what they mean."""

from sqlalchemy import MetaData

from router.cache import tables as cache_tables
from router.log import tables as log_tables
from router.spend import ledger_tables

assert ledger_tables.metadata is log_tables.metadata  # a decision and its reservation are one transaction
SCHEMA: tuple[MetaData, ...] = (log_tables.metadata, cache_tables.metadata)
