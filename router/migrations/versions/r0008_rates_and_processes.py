"""What processes share of who may ask how often, which processes there are, and what all of them must hear."""

import sqlalchemy as sa
from alembic import op

from router.migrations.adopt import add_lacking

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = sa.MetaData()
sa.Table(
    "rate_buckets",
    TABLES,
    sa.Column("key_id", sa.String(12), primary_key=True),
    sa.Column("tokens", sa.Float(), nullable=False),
    sa.Column("at", sa.Float(), nullable=False),
)
sa.Table(
    "processes",
    TABLES,
    sa.Column("process", sa.String(32), primary_key=True),
    sa.Column("until", sa.Float(), nullable=False),
    sa.Column("heard", sa.Integer(), nullable=False),
)
sa.Table(
    "notices",
    TABLES,
    sa.Column("notice_id", sa.Integer(), primary_key=True, autoincrement=True),
    sa.Column("at", sa.Float(), nullable=False),
    sa.Column("forgotten", sa.String(64), nullable=False),
    sa.Column("whole", sa.Boolean(), nullable=False),
    sqlite_autoincrement=True,
)


def upgrade() -> None:
    add_lacking(op.get_bind(), TABLES)
