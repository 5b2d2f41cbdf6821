"""What a candidate would have decided, beside what was."""

import sqlalchemy as sa
from alembic import op

from router.migrations.adopt import add_lacking

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = sa.MetaData()
sa.Table(
    "shadows",
    TABLES,
    sa.Column("decision_id", sa.String(64), primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("tenant", sa.String(200), nullable=False),
    sa.Column("task", sa.String(200)),
    sa.Column("incumbent", sa.String(64), nullable=False),
    sa.Column("candidate", sa.String(64), nullable=False),
    sa.Column("incumbent_route", sa.String(200), nullable=False),
    sa.Column("incumbent_p_correct", sa.Float(), nullable=False),
    sa.Column("incumbent_usd", sa.Float(), nullable=False),
    sa.Column("candidate_route", sa.String(200), nullable=False),
    sa.Column("candidate_p_correct", sa.Float(), nullable=False),
    sa.Column("candidate_usd", sa.Float(), nullable=False),
    sa.Column("sampled", sa.Boolean(), nullable=False),
    sa.Column("alternative", sa.JSON()),
    sa.Index("shadows_by_candidate", "candidate", "at"),
)


def upgrade() -> None:
    add_lacking(op.get_bind(), TABLES)
