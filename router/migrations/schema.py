"""Every table that the service keeps, as one schema. Knows which they are, not what they mean."""

from sqlalchemy import MetaData

from router.access import tables as access_tables
from router.cache import tables as cache_tables
from router.drift import standing as drift_tables
from router.drift import tables as input_tables
from router.log import tables as log_tables
from router.rollout import guard_standing as guard_tables
from router.rollout import history as rollout_tables
from router.rollout import tallies as tally_tables
from router.shadow import tables as shadow_tables
from router.spend import ledger_tables

# the log's own, and what shares a database with it: a decision and its reservation are one transaction
assert ledger_tables.metadata is access_tables.metadata is shadow_tables.metadata is log_tables.metadata
assert rollout_tables.metadata is drift_tables.metadata is log_tables.metadata
assert guard_tables.metadata is tally_tables.metadata is input_tables.metadata is log_tables.metadata
SCHEMA: tuple[MetaData, ...] = (log_tables.metadata, cache_tables.metadata)
