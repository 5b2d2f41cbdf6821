"""What several processes on one store tell each other: leases, the cache's journal and the answers awaited."""

import sqlalchemy as sa
from alembic import op

from router.migrations.adopt import add_lacking
from router.migrations.vectors import add_vectors

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = sa.MetaData()
sa.Table(
    "leases",
    TABLES,
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("holder", sa.String(40), nullable=False),
    sa.Column("until_ms", sa.BigInteger(), nullable=False),
)
sa.Table(
    "cache_journal",
    TABLES,
    sa.Column("journal_id", sa.Integer(), primary_key=True),
    sa.Column("tenant", sa.String(200), nullable=False),
    sa.Column("process", sa.String(32), nullable=False),
    sa.Column("at", sa.Float(), nullable=False),
    sa.Column("news", sa.JSON(), nullable=False),
    sa.Index("cache_journal_by_time", "at"),
    sqlite_autoincrement=True,
)
sa.Table(
    "cache_waiting",
    TABLES,
    sa.Column("lookup_id", sa.String(64), primary_key=True),
    sa.Column("tenant", sa.String(200), nullable=False),
    sa.Column("at", sa.Float(), nullable=False),
    sa.Column("text", sa.Text(), nullable=False),
    sa.Column("vector", sa.LargeBinary()),
    sa.Column("lookup", sa.JSON(), nullable=False),
    sa.Index("cache_waiting_by_time", "at"),
)


def upgrade() -> None:
    add_lacking(op.get_bind(), TABLES)
    add_vectors(op.get_bind())
