"""What a decision explored, beside the decision."""

import sqlalchemy as sa
from alembic import op

from router.migrations.adopt import add_column

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_column(op.get_bind(), "decisions", sa.Column("exploration", sa.JSON()))
