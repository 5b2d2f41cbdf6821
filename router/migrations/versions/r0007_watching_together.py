"""What several processes share of watching: what shadows spent a day, and where drift stands."""

import sqlalchemy as sa
from alembic import op

from router.migrations.adopt import add_lacking

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = sa.MetaData()
sa.Table(
    "shadow_days",
    TABLES,
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("usd", sa.Float(), nullable=False),
)
sa.Table(
    "drift_standings",
    TABLES,
    sa.Column("standing", sa.Integer(), primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("streams", sa.JSON(), nullable=False),
    sa.Column("alarms", sa.JSON(), nullable=False),
)


def upgrade() -> None:
    add_lacking(op.get_bind(), TABLES)
