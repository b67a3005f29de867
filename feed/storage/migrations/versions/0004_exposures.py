"""Blocks of exposures: which positions of events are impressions of which items."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "exposure_blocks",
        sa.Column("bucket", sa.BigInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("pairs", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "block", name="pk_exposure_blocks"),
        sqlite_with_rowid=False,
    )
