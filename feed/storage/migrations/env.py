"""Alembic's entry: runs the migrations on the connection that :func:`feed.storage.migrations.upgrade` gives it."""

from __future__ import annotations

from alembic import context

from feed.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
