"""Events by parts, where the database can have them so: those that are there become the first part."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"

_NAMES = {
    "pk_events": "pk_events_0",
    "uq_events_reader_client_id": "uq_events_0_reader_client_id",
    "ix_events_voiced": "ix_events_0_voiced",
}
_END = 1 << 40


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("ALTER TABLE events RENAME TO events_0")
    for name, new in _NAMES.items():
        op.execute(f"ALTER INDEX {name} RENAME TO {new}")
    op.execute("CREATE TABLE events (LIKE events_0 INCLUDING DEFAULTS) PARTITION BY RANGE (seq)")
    op.execute("ALTER TABLE events ADD CONSTRAINT pk_events PRIMARY KEY (seq)")
    op.execute("CREATE INDEX ix_events_voiced ON events (occurred_at) WHERE consented = 1 AND kind <> 0")
    op.execute("ALTER SEQUENCE events_seq_seq OWNED BY events.seq")
    op.execute(f"ALTER TABLE events ATTACH PARTITION events_0 FOR VALUES FROM (MINVALUE) TO ({_END})")
