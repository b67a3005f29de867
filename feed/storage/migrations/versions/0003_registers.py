"""Registers, and the text of items."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.batch_alter_table("items", recreate="always") as items:
        items.add_column(sa.Column("text", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "entries",
        sa.Column("register", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("kept", sa.SmallInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("priority", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("register", "id", name="pk_entries"),
    )
    due, owned = sa.text("due_at > 0"), sa.text("person <> ''")
    op.create_index("ix_entries_at", "entries", ["register", "at"])
    op.create_index("ix_entries_state", "entries", ["register", "state", "priority"])
    op.create_index("ix_entries_subject", "entries", ["register", "subject", "at"])
    op.create_index("ix_entries_due", "entries", ["register", "due_at"], sqlite_where=due, postgresql_where=due)
    op.create_index("ix_entries_person", "entries", ["person"], sqlite_where=owned, postgresql_where=owned)
