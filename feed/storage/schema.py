"""Tables of a store, as SQLAlchemy Core metadata that SQLite and PostgreSQL both understand.

Owns the shape of what is kept; ``feed.storage.migrations`` leads there, and a test holds the two equal. Values are
plain text, integers, floats and bytes, so that rows go to a driver as tuples. Texts are never null: absent is empty.
"""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, MetaData, PrimaryKeyConstraint, Table, Text, UniqueConstraint, text

from feed.storage.schema_columns import blob_, flag_, number_, position_, text_

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009")
"""Schema revisions that this release knows, oldest first; the last one is the one it reads and writes."""

APPLICATION_ID = 0x57656972
"""``Weir`` in ASCII: the mark by which a SQLite file is known as ours."""

VOICED = "consented = 1 AND kind <> 0"
"""Events that count for ranking and training (law 7); kind 0 is the impression. Also a partial index's condition."""

IN_ARMS = "arms <> ''"
"""Servings of experiments. Also a partial index's condition."""

LEDGER = "ledger"
JOURNAL = "journal"
FORGETTINGS = "forgettings"

LEDGER_ENDS = (
    f"SELECT (SELECT coalesce(max(revision), 0) FROM ledger), (SELECT number FROM heads WHERE name = '{LEDGER}')"
)
"""Where the ledger ends, and where its head says so: in one statement, as somebody may be writing."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# On PostgreSQL these lie in parts by position, each of which is unique by reader and client id (docs/adr/0034).
events = Table(
    "events",
    metadata,
    position_("seq", given=False),
    text_("reader"),
    text_("client_id"),
    text_("item"),
    flag_("kind"),
    number_("occurred_at"),
    number_("received_at"),
    number_("dwell_ms"),
    text_("request_id"),
    flag_("consented"),
    UniqueConstraint("reader", "client_id"),
    Index("ix_events_voiced", "occurred_at", sqlite_where=text(VOICED), postgresql_where=text(VOICED)),
)

exposure_blocks = Table(
    "exposure_blocks",
    metadata,
    number_("bucket"),
    number_("block"),
    blob_("pairs"),
    PrimaryKeyConstraint("bucket", "block"),
    sqlite_with_rowid=False,
)

items = Table(
    "items",
    metadata,
    text_("id"),
    text_("author"),
    text_("title"),
    text_("topics"),
    number_("published_at"),
    text_("language"),
    text_("region"),
    text_("community"),
    flag_("withdrawn"),
    Column("text", Text, nullable=False, server_default=""),
    PrimaryKeyConstraint("id"),
)

authors = Table(
    "authors",
    metadata,
    text_("id"),
    text_("name"),
    number_("standing"),
    text_("kind"),
    text_("identity"),
    PrimaryKeyConstraint("id"),
)

labels = Table(
    "labels",
    metadata,
    text_("item"),
    text_("name"),
    Column("score", Double, nullable=False),
    text_("given_by"),
    number_("given_at"),
    PrimaryKeyConstraint("item", "name"),
)

changes = Table(
    "changes",
    metadata,
    position_("seq", given=False),
    number_("entries"),
    blob_("lines"),
)

editions = Table(
    "editions",
    metadata,
    position_("edition", given=True),
    number_("published_at"),
    blob_("entries"),
)

readers = Table(
    "readers",
    metadata,
    text_("reader"),
    text_("settings"),
    number_("version"),
    number_("updated_at"),
    flag_("personalized"),
    PrimaryKeyConstraint("reader"),
)

erasures = Table(
    "erasures",
    metadata,
    text_("reader_digest"),
    number_("at"),
    PrimaryKeyConstraint("reader_digest"),
    Index(None, "at"),
)

heads = Table(
    "heads",
    metadata,
    text_("name"),
    number_("number"),
    PrimaryKeyConstraint("name"),
)

ledger = Table(
    "ledger",
    metadata,
    position_("revision", given=True),
    text_("id"),
    text_("subject"),
    Column("reverses", Text, nullable=True),
    blob_("leaf"),
    blob_("leaf_hash"),
    UniqueConstraint("id"),
    Index(None, "subject"),
    Index(None, "reverses", sqlite_where=text("reverses IS NOT NULL"), postgresql_where=text("reverses IS NOT NULL")),
)

attachments = Table(
    "attachments",
    metadata,
    number_("revision"),
    text_("name"),
    blob_("salt"),
    blob_("content"),
    PrimaryKeyConstraint("revision", "name"),
    sqlite_with_rowid=False,
)

blocks = Table(
    "blocks",
    metadata,
    position_("number", given=True),
    blob_("root"),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    position_("size", given=True),
    text_("note"),
)

once = Table(
    "once",
    metadata,
    text_("key"),
    text_("act"),
    text_("digest"),
    number_("result"),
    PrimaryKeyConstraint("key"),
)

policies = Table(
    "policies",
    metadata,
    text_("digest"),
    text_("document"),
    number_("created_at"),
    PrimaryKeyConstraint("digest"),
)

# On PostgreSQL these lie in tables a day, and positions and request ids are unique with the second (docs/adr/0032).
servings = Table(
    "servings",
    metadata,
    position_("seq", given=False),
    text_("request_id"),
    text_("reader"),
    number_("served_at"),
    number_("revision"),
    number_("edition"),
    number_("as_of"),
    text_("model"),
    blob_("inputs"),
    blob_("items"),
    flag_("erased"),
    Column("arms", Text, nullable=False, server_default=""),
    UniqueConstraint("request_id"),
    Index(None, "reader"),
    Index(None, "served_at"),
    Index(
        "ix_servings_arms", "arms", "served_at", "reader", sqlite_where=text(IN_ARMS), postgresql_where=text(IN_ARMS)
    ),
)

entries = Table(
    "entries",
    metadata,
    text_("register"),
    text_("id"),
    text_("content"),
    text_("state"),
    text_("subject"),
    text_("person"),
    flag_("kept"),
    number_("at"),
    number_("due_at"),
    number_("priority"),
    number_("version"),
    PrimaryKeyConstraint("register", "id"),
    Index("ix_entries_at", "register", "at"),
    Index("ix_entries_state", "register", "state", "priority"),
    Index("ix_entries_subject", "register", "subject", "at"),
    Index("ix_entries_due", "register", "due_at", sqlite_where=text("due_at > 0"), postgresql_where=text("due_at > 0")),
    Index("ix_entries_person", "person", sqlite_where=text("person <> ''"), postgresql_where=text("person <> ''")),
)

replicas = Table(
    "replicas",
    metadata,
    text_("name"),
    text_("release"),
    number_("revision"),
    Column("confirmed_at", Double, nullable=False),
    PrimaryKeyConstraint("name"),
)

commits = Table(
    "commits",
    metadata,
    number_("token"),
    number_("at"),
    PrimaryKeyConstraint("token"),
)

models = Table(
    "models",
    metadata,
    text_("version"),
    text_("trainer"),
    text_("file"),
    text_("metrics"),
    number_("created_at"),
    PrimaryKeyConstraint("version"),
)

keys = Table(
    "keys",
    metadata,
    text_("digest"),
    text_("name"),
    text_("scopes"),
    text_("subject"),
    number_("created_at"),
    number_("expires_at", nullable=True),
    number_("revoked_at", nullable=True),
    PrimaryKeyConstraint("digest"),
    Index(None, "name"),
)
