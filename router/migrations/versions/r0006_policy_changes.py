"""Which policy serves: what was changed, by whom and why."""

import sqlalchemy as sa
from alembic import op

from router.migrations.adopt import add_lacking

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = sa.MetaData()
sa.Table(
    "policy_changes",
    TABLES,
    sa.Column("change_id", sa.Integer(), primary_key=True, autoincrement=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("action", sa.String(16), nullable=False),
    sa.Column("policy", sa.String(200), nullable=False),
    sa.Column("version", sa.String(64), nullable=False),
    sa.Column("share", sa.Float(), nullable=False),
    sa.Column("serving", sa.String(64)),
    sa.Column("by", sa.String(200), nullable=False),
    sa.Column("reason", sa.Text(), nullable=False),
    sa.Column("evidence", sa.JSON(), nullable=False),
    sa.Index("policy_changes_by_time", "at"),
)


def upgrade() -> None:
    add_lacking(op.get_bind(), TABLES)
