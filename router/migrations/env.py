"""What Alembic runs for every command: migrations on the connection that it was handed, in its transaction."""

from alembic import context

from router.migrations.schema import SCHEMA
from router.migrations.upgrade import is_compared, rendered

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=list(SCHEMA),
    render_item=rendered,
    include_object=is_compared,
    compare_type=False,
)
with context.begin_transaction():
    context.run_migrations()
