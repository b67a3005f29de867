"""The first store: events, items, readers, ledger, journal, Servings, models and keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_VOICED = sa.text("consented = 1 AND kind <> 0")
_REVERSING = sa.text("reverses IS NOT NULL")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def _flag(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.SmallInteger(), nullable=False)


def _blobs(*names: str) -> list[sa.Column[bytes]]:
    return [sa.Column(name, sa.LargeBinary(), nullable=False) for name in names]


def _position(table: str, name: str, *, given: bool = False) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column(name, _NUMBER, nullable=False, autoincrement=not given),
        sa.PrimaryKeyConstraint(name, name=f"pk_{table}"),
    ]


def upgrade() -> None:
    _what_happened()
    _what_is_shown()
    _what_was_decided()
    _what_was_served()


def _what_happened() -> None:
    op.create_table(
        "events",
        *_position("events", "seq"),
        *_texts("reader", "client_id", "item"),
        _flag("kind"),
        *_numbers("occurred_at", "received_at", "dwell_ms"),
        *_texts("request_id"),
        _flag("consented"),
        sa.UniqueConstraint("reader", "client_id", name="uq_events_reader_client_id"),
    )
    op.create_index("ix_events_voiced", "events", ["occurred_at"], sqlite_where=_VOICED, postgresql_where=_VOICED)
    op.create_table(
        "readers",
        *_texts("reader", "settings"),
        *_numbers("version", "updated_at"),
        _flag("personalized"),
        sa.PrimaryKeyConstraint("reader", name="pk_readers"),
    )
    op.create_table(
        "erasures",
        *_texts("reader_digest"),
        *_numbers("at"),
        sa.PrimaryKeyConstraint("reader_digest", name="pk_erasures"),
    )
    op.create_index("ix_erasures_at", "erasures", ["at"])


def _what_is_shown() -> None:
    op.create_table(
        "items",
        *_texts("id", "author", "title", "topics"),
        *_numbers("published_at"),
        *_texts("language", "region", "community"),
        _flag("withdrawn"),
        sa.PrimaryKeyConstraint("id", name="pk_items"),
    )
    op.create_table(
        "authors",
        *_texts("id", "name"),
        *_numbers("standing"),
        *_texts("kind", "identity"),
        sa.PrimaryKeyConstraint("id", name="pk_authors"),
    )
    op.create_table(
        "labels",
        *_texts("item", "name"),
        sa.Column("score", sa.Double(), nullable=False),
        *_texts("given_by"),
        *_numbers("given_at"),
        sa.PrimaryKeyConstraint("item", "name", name="pk_labels"),
    )
    op.create_table("changes", *_position("changes", "seq"), *_numbers("entries"), *_blobs("lines"))
    op.create_table(
        "editions",
        *_position("editions", "edition", given=True),
        *_numbers("published_at"),
        *_blobs("entries"),
    )


def _what_was_decided() -> None:
    heads = op.create_table(
        "heads", *_texts("name"), *_numbers("number"), sa.PrimaryKeyConstraint("name", name="pk_heads")
    )
    op.bulk_insert(heads, [{"name": "ledger", "number": 0}, {"name": "journal", "number": 0}])
    op.create_table(
        "ledger",
        *_position("ledger", "revision", given=True),
        *_texts("id", "subject"),
        sa.Column("reverses", sa.Text(), nullable=True),
        *_blobs("leaf", "leaf_hash"),
        sa.UniqueConstraint("id", name="uq_ledger_id"),
    )
    op.create_index("ix_ledger_subject", "ledger", ["subject"])
    op.create_index("ix_ledger_reverses", "ledger", ["reverses"], sqlite_where=_REVERSING, postgresql_where=_REVERSING)
    op.create_table(
        "attachments",
        *_numbers("revision"),
        *_texts("name"),
        *_blobs("salt", "content"),
        sa.PrimaryKeyConstraint("revision", "name", name="pk_attachments"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "once",
        *_texts("key", "act", "digest"),
        *_numbers("result"),
        sa.PrimaryKeyConstraint("key", name="pk_once"),
    )
    op.create_table(
        "policies",
        *_texts("digest", "document"),
        *_numbers("created_at"),
        sa.PrimaryKeyConstraint("digest", name="pk_policies"),
    )
    op.create_table(
        "keys",
        *_texts("digest", "name", "scopes", "subject"),
        *_numbers("created_at"),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name="pk_keys"),
    )
    op.create_index("ix_keys_name", "keys", ["name"])


def _what_was_served() -> None:
    op.create_table(
        "servings",
        *_position("servings", "seq"),
        *_texts("request_id", "reader"),
        *_numbers("served_at", "revision", "edition", "as_of"),
        *_texts("model"),
        *_blobs("inputs", "items"),
        _flag("erased"),
        sa.UniqueConstraint("request_id", name="uq_servings_request_id"),
    )
    op.create_index("ix_servings_reader", "servings", ["reader"])
    op.create_index("ix_servings_served_at", "servings", ["served_at"])
    op.create_table(
        "models",
        *_texts("version", "trainer", "file", "metrics"),
        *_numbers("created_at"),
        sa.PrimaryKeyConstraint("version", name="pk_models"),
    )
