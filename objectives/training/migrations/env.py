"""Run the revisions on the connection that `objectives.training.session_schema` gives."""

from __future__ import annotations

from alembic import context

from objectives.training.session_tables import METADATA, VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
)
context.run_migrations()
