"""Tables of a store, as SQLAlchemy Core metadata that SQLite and PostgreSQL both understand.

Owns the shape of what is kept; ``feed.storage.migrations`` leads there, and a test holds the two equal. Values are
plain text, integers, floats and bytes, so that rows go to a driver as tuples. Texts are never null: absent is empty.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

REVISIONS = ("0001", "0002", "0003", "0004")
"""Schema revisions that this release knows, oldest first; the last one is the one it reads and writes."""

APPLICATION_ID = 0x57656972
"""``Weir`` in ASCII: the mark by which a SQLite file is known as ours."""

VOICED = "consented = 1 AND kind <> 0"
"""Events that count for ranking and training (law 7); kind 0 is the impression. Also a partial index's condition."""

LEDGER = "ledger"
JOURNAL = "journal"

_Number = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _number(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _flag(name: str) -> Column[int]:
    return Column(name, SmallInteger, nullable=False)


def _blob(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


def _position(name: str, *, given: bool) -> Column[int]:
    return Column(name, _Number, nullable=False, primary_key=True, autoincrement=not given)


events = Table(
    "events",
    metadata,
    _position("seq", given=False),
    _text("reader"),
    _text("client_id"),
    _text("item"),
    _flag("kind"),
    _number("occurred_at"),
    _number("received_at"),
    _number("dwell_ms"),
    _text("request_id"),
    _flag("consented"),
    UniqueConstraint("reader", "client_id"),
    Index("ix_events_voiced", "occurred_at", sqlite_where=text(VOICED), postgresql_where=text(VOICED)),
)

exposure_blocks = Table(
    "exposure_blocks",
    metadata,
    _number("bucket"),
    _number("block"),
    _blob("pairs"),
    PrimaryKeyConstraint("bucket", "block"),
    sqlite_with_rowid=False,
)

items = Table(
    "items",
    metadata,
    _text("id"),
    _text("author"),
    _text("title"),
    _text("topics"),
    _number("published_at"),
    _text("language"),
    _text("region"),
    _text("community"),
    _flag("withdrawn"),
    Column("text", Text, nullable=False, server_default=""),
    PrimaryKeyConstraint("id"),
)

authors = Table(
    "authors",
    metadata,
    _text("id"),
    _text("name"),
    _number("standing"),
    _text("kind"),
    _text("identity"),
    PrimaryKeyConstraint("id"),
)

labels = Table(
    "labels",
    metadata,
    _text("item"),
    _text("name"),
    Column("score", Double, nullable=False),
    _text("given_by"),
    _number("given_at"),
    PrimaryKeyConstraint("item", "name"),
)

changes = Table(
    "changes",
    metadata,
    _position("seq", given=False),
    _number("entries"),
    _blob("lines"),
)

editions = Table(
    "editions",
    metadata,
    _position("edition", given=True),
    _number("published_at"),
    _blob("entries"),
)

readers = Table(
    "readers",
    metadata,
    _text("reader"),
    _text("settings"),
    _number("version"),
    _number("updated_at"),
    _flag("personalized"),
    PrimaryKeyConstraint("reader"),
)

erasures = Table(
    "erasures",
    metadata,
    _text("reader_digest"),
    _number("at"),
    PrimaryKeyConstraint("reader_digest"),
    Index(None, "at"),
)

heads = Table(
    "heads",
    metadata,
    _text("name"),
    _number("number"),
    PrimaryKeyConstraint("name"),
)

ledger = Table(
    "ledger",
    metadata,
    _position("revision", given=True),
    _text("id"),
    _text("subject"),
    Column("reverses", Text, nullable=True),
    _blob("leaf"),
    _blob("leaf_hash"),
    UniqueConstraint("id"),
    Index(None, "subject"),
    Index(None, "reverses", sqlite_where=text("reverses IS NOT NULL"), postgresql_where=text("reverses IS NOT NULL")),
)

attachments = Table(
    "attachments",
    metadata,
    _number("revision"),
    _text("name"),
    _blob("salt"),
    _blob("content"),
    PrimaryKeyConstraint("revision", "name"),
    sqlite_with_rowid=False,
)

blocks = Table(
    "blocks",
    metadata,
    _position("number", given=True),
    _blob("root"),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    _position("size", given=True),
    _text("note"),
)

once = Table(
    "once",
    metadata,
    _text("key"),
    _text("act"),
    _text("digest"),
    _number("result"),
    PrimaryKeyConstraint("key"),
)

policies = Table(
    "policies",
    metadata,
    _text("digest"),
    _text("document"),
    _number("created_at"),
    PrimaryKeyConstraint("digest"),
)

servings = Table(
    "servings",
    metadata,
    _position("seq", given=False),
    _text("request_id"),
    _text("reader"),
    _number("served_at"),
    _number("revision"),
    _number("edition"),
    _number("as_of"),
    _text("model"),
    _blob("inputs"),
    _blob("items"),
    _flag("erased"),
    UniqueConstraint("request_id"),
    Index(None, "reader"),
    Index(None, "served_at"),
)

entries = Table(
    "entries",
    metadata,
    _text("register"),
    _text("id"),
    _text("content"),
    _text("state"),
    _text("subject"),
    _text("person"),
    _flag("kept"),
    _number("at"),
    _number("due_at"),
    _number("priority"),
    _number("version"),
    PrimaryKeyConstraint("register", "id"),
    Index("ix_entries_at", "register", "at"),
    Index("ix_entries_state", "register", "state", "priority"),
    Index("ix_entries_subject", "register", "subject", "at"),
    Index("ix_entries_due", "register", "due_at", sqlite_where=text("due_at > 0"), postgresql_where=text("due_at > 0")),
    Index("ix_entries_person", "person", sqlite_where=text("person <> ''"), postgresql_where=text("person <> ''")),
)

models = Table(
    "models",
    metadata,
    _text("version"),
    _text("trainer"),
    _text("file"),
    _text("metrics"),
    _number("created_at"),
    PrimaryKeyConstraint("version"),
)

keys = Table(
    "keys",
    metadata,
    _text("digest"),
    _text("name"),
    _text("scopes"),
    _text("subject"),
    _number("created_at"),
    _number("expires_at", nullable=True),
    _number("revoked_at", nullable=True),
    PrimaryKeyConstraint("digest"),
    Index(None, "name"),
)
