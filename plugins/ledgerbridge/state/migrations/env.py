"""Alembic's entry point; the connection is handed over by ``ledgerbridge.state.database.migrate``."""

from alembic import context

from ledgerbridge.state.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    version_table="ledgerbridge_version",
)
with context.begin_transaction():
    context.run_migrations()
