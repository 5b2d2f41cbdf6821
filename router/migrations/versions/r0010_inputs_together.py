"""What several processes share of the requests that drift is looked for in."""

import sqlalchemy as sa
from alembic import op

from router.migrations.adopt import add_lacking

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = sa.MetaData()
sa.Table(
    "drift_inputs",
    TABLES,
    sa.Column("input_id", sa.Integer(), primary_key=True, autoincrement=True),
    sa.Column("at", sa.Float(), nullable=False),
    sa.Column("policy", sa.String(64), nullable=False),
    sa.Column("tenant", sa.String(200), nullable=False),
    sa.Column("numbers", sa.JSON(), nullable=False),
    sa.Index("drift_inputs_by_time", "at"),
    sqlite_autoincrement=True,
)


def upgrade() -> None:
    add_lacking(op.get_bind(), TABLES)
