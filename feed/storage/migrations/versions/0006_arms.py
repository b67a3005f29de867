"""The arms of experiments under which pages were served."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    with op.batch_alter_table("servings", recreate="always" if sqlite else "never") as servings:
        servings.add_column(sa.Column("arms", sa.Text(), nullable=False, server_default=""))
    of_experiments = sa.text("arms <> ''")
    op.create_index(
        "ix_servings_arms",
        "servings",
        ["arms", "served_at", "reader"],
        sqlite_where=of_experiments,
        postgresql_where=of_experiments,
    )
