"""Servings by days, where the database can have them so: those that are there become the first part."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_DAY = 86_400
_INDEXES = ("pk_servings", "uq_servings_request_id", "ix_servings_reader", "ix_servings_served_at", "ix_servings_arms")


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("ALTER TABLE servings RENAME TO servings_before")
    for name in _INDEXES:
        op.execute(f"ALTER INDEX {name} RENAME TO {name}_before")
    op.execute("CREATE TABLE servings (LIKE servings_before INCLUDING DEFAULTS) PARTITION BY RANGE (served_at)")
    op.execute("ALTER TABLE servings ADD CONSTRAINT pk_servings PRIMARY KEY (seq, served_at)")
    op.execute("ALTER TABLE servings ADD CONSTRAINT uq_servings_request_id UNIQUE (request_id, served_at)")
    op.execute("CREATE INDEX ix_servings_reader ON servings (reader)")
    op.execute("CREATE INDEX ix_servings_served_at ON servings (served_at)")
    op.execute("CREATE INDEX ix_servings_arms ON servings (arms, served_at, reader) WHERE arms <> ''")
    op.execute("ALTER SEQUENCE servings_seq_seq OWNED BY servings.seq")
    last = op.get_bind().execute(sa.text("SELECT max(served_at) FROM servings_before")).scalar()
    if last is None:
        op.execute("DROP TABLE servings_before")
        return
    op.execute("ALTER TABLE servings_before DROP CONSTRAINT pk_servings_before")
    op.execute("ALTER TABLE servings_before DROP CONSTRAINT uq_servings_request_id_before")
    end = (int(last) // _DAY + 1) * _DAY
    op.execute(f"ALTER TABLE servings ATTACH PARTITION servings_before FOR VALUES FROM (MINVALUE) TO ({end})")
