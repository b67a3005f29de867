"""The tree over the ledger: roots of its whole blocks, also of those that are there already, and signed checkpoints."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from controls.blocks import BLOCK, block_root

revision = "0002"
down_revision = "0001"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PAGE = 256 * BLOCK


def upgrade() -> None:
    blocks = op.create_table(
        "blocks",
        sa.Column("number", _NUMBER, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("number", name="pk_blocks"),
        sa.Column("root", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "checkpoints",
        sa.Column("size", _NUMBER, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("size", name="pk_checkpoints"),
        sa.Column("note", sa.Text(), nullable=False),
    )
    ledger = sa.table("ledger", sa.column("revision", _NUMBER), sa.column("leaf_hash", sa.LargeBinary()))
    query = sa.select(ledger.c.leaf_hash).order_by(ledger.c.revision).limit(_PAGE)
    connection, done = op.get_bind(), 0
    while hashes := connection.scalars(query.where(ledger.c.revision > done)).all():
        whole = range(0, len(hashes) - BLOCK + 1, BLOCK)
        if whole:
            first = done // BLOCK
            op.bulk_insert(
                blocks,
                [{"number": first + at // BLOCK, "root": block_root(hashes[at : at + BLOCK])} for at in whole],
            )
        done += len(hashes)
