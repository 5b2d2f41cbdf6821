"""What several processes share of guarding: how many requests each policy decided, and where the guardrails stand."""

import sqlalchemy as sa
from alembic import op

from router.migrations.adopt import add_lacking

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = sa.MetaData()
sa.Table(
    "policy_tallies",
    TABLES,
    sa.Column("version", sa.String(64), primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("tally", sa.JSON(), nullable=False),
)
sa.Table(
    "guard_standings",
    TABLES,
    sa.Column("standing", sa.Integer(), primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("progress", sa.JSON(), nullable=False),
    sa.Column("readings", sa.JSON(), nullable=False),
)


def upgrade() -> None:
    add_lacking(op.get_bind(), TABLES)
