"""How alembic runs here: on the connection that the caller has opened."""

from alembic import context

from bezant.core.faults import fault_point
from bezant.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=True,
    on_version_apply=lambda **_: fault_point("migration.applied"),
)
with context.begin_transaction():
    context.run_migrations()
