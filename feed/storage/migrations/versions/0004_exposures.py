"""Exposures, found by item: who was shown it, and how often."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    shown = sa.text("kind = 0")
    columns = ["item", "occurred_at", "reader", "kind"]
    op.create_index("ix_events_exposure", "events", columns, sqlite_where=shown, postgresql_where=shown)
