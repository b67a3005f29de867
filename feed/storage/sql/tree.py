"""The tree over the ledger in SQL: roots of whole blocks, written in the transaction that completes them (law 1).

Roots are read once and kept; leaf hashes are read where a proof runs through their block.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from sqlalchemy import bindparam, select

from controls.blocks import BLOCK, BlockTree, block_root
from feed.storage.errors import StoreCorrupt
from feed.storage.schema import blocks
from feed.storage.schema import ledger as ledger_table
from feed.storage.sql.queue import Cursor
from feed.storage.sql.reading import Reading
from feed.storage.sql.statements import Statements


class SqlTree:
    """Block roots of one store."""

    def __init__(self, reading: Reading, statements: Statements) -> None:
        self._reading = reading
        rows = ledger_table.c
        hashes = select(rows.leaf_hash).order_by(rows.revision)
        within = hashes.where(rows.revision > bindparam("after"), rows.revision <= bindparam("up_to"))
        self._hashes = within
        self._begun = statements.text(within, "after", "up_to")
        self._insert = statements.new(blocks, "number", "root")
        self._roots = select(blocks.c.number, blocks.c.root).where(blocks.c.number >= bindparam("first"))
        self._roots = self._roots.order_by(blocks.c.number)
        self._tree = BlockTree(self._leaves)
        self._lock = threading.Lock()

    def grow(self, cursor: Cursor, head: int, hashes: Sequence[bytes]) -> None:
        """Write the roots of the blocks that leaves after revision ``head`` complete, in the open transaction."""
        begun = head % BLOCK
        if begun + len(hashes) < BLOCK:
            return
        waiting = list(hashes)
        if begun:
            cursor.execute(self._begun, (head - begun, head))
            waiting = [leaf for (leaf,) in cursor.fetchall()] + waiting
        first = head // BLOCK
        whole = range(0, len(waiting) - BLOCK + 1, BLOCK)
        self._insert.run(cursor, [(first + at // BLOCK, block_root(waiting[at : at + BLOCK])) for at in whole])

    def at(self, size: int) -> BlockTree:
        """The tree with the blocks of the first ``size`` leaves known. Raises ``StoreCorrupt`` when one is missing."""
        with self._lock:
            known = self._tree.blocks
            if known < size // BLOCK:
                for number, root in self._reading.all(self._roots, first=known):
                    if number != self._tree.blocks:
                        raise StoreCorrupt(f"the ledger's tree has no block {self._tree.blocks}; restore a backup")
                    self._tree.append(root)
        return self._tree

    def _leaves(self, block: int) -> list[bytes]:
        rows = self._reading.all(self._hashes, after=block * BLOCK, up_to=(block + 1) * BLOCK)
        return [leaf for (leaf,) in rows]
