"""Keys: who may call."""

import sqlalchemy as sa
from alembic import op

from router.migrations.adopt import add_lacking

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = sa.MetaData()
sa.Table(
    "access_keys",
    TABLES,
    sa.Column("key_id", sa.String(12), primary_key=True),
    sa.Column("tenant", sa.String(200), nullable=False),
    sa.Column("scopes", sa.JSON(), nullable=False),
    sa.Column("digest", sa.LargeBinary(32), nullable=False),
    sa.Column("created", sa.Float(), nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("expires", sa.Float()),
    sa.Column("revoked", sa.Float()),
    sa.Column("requests_per_second", sa.Float()),
    sa.Column("old_digest", sa.LargeBinary(32)),
    sa.Column("old_until", sa.Float()),
    sa.Column("revision", sa.Integer(), nullable=False),
)


def upgrade() -> None:
    add_lacking(op.get_bind(), TABLES)
