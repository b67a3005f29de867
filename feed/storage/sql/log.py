"""The ledger as a log that anybody can check, in SQL: entries as stored, roots, proofs and checkpoints (law 1)."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

from sqlalchemy import bindparam, func, or_, select

from feed.storage.records import CheckpointRecord, LedgerEntry
from feed.storage.schema import attachments, checkpoints
from feed.storage.schema import ledger as ledger_table
from feed.storage.sql.queue import Cursor, Lane
from feed.storage.sql.reading import Reading
from feed.storage.sql.statements import Statements, limited
from feed.storage.sql.tree import SqlTree
from feed.storage.sql.writer import Writes

_IDS = 512


class SqlLog:
    """What proves the decisions."""

    def __init__(self, reading: Reading, writes: Writes, statements: Statements, tree: SqlTree) -> None:
        self._reading = reading
        self._writes = writes
        self._tree = tree
        rows, parts = ledger_table.c, attachments.c
        entries = select(rows.revision, rows.id, rows.subject, rows.reverses, rows.leaf, rows.leaf_hash)
        entries = entries.where(rows.revision > bindparam("after"))
        self._entries = limited(entries.order_by(rows.revision), "limit")
        self._parts = select(parts.revision, parts.name, parts.salt, parts.content).where(
            parts.revision > bindparam("after"), parts.revision <= bindparam("up_to")
        )
        self._about = select(rows.subject).where(rows.subject.in_(bindparam("ids", expanding=True))).distinct()
        self._keep = statements.put(checkpoints, "size", "note", key=["size"])
        last = select(func.coalesce(func.max(rows.revision), 0)).scalar_subquery()
        self._stray = select(parts.revision).where(or_(parts.revision < 1, parts.revision > last)).limit(1)
        notes = select(checkpoints.c.size, checkpoints.c.note).where(checkpoints.c.size > bindparam("after"))
        self._notes = limited(notes.order_by(checkpoints.c.size), "limit")

    def entries(self, after: int, limit: int = 1000) -> list[LedgerEntry]:
        """Entries of greater revisions, in order, as they are stored: nothing is checked."""
        rows = self._reading.all(self._entries, after=after, limit=limit)
        if not rows:
            return []
        parts: dict[int, dict[str, tuple[bytes, bytes]]] = {row.revision: {} for row in rows}
        for revision, name, salt, content in self._reading.all(self._parts, after=after, up_to=rows[-1].revision):
            if revision in parts:
                parts[revision][name] = (salt, content)
        return [
            LedgerEntry(row.revision, row.id, row.subject, row.reverses, row.leaf, row.leaf_hash, parts[row.revision])
            for row in rows
        ]

    def decided_about(self, ids: Sequence[str]) -> set[str]:
        """Of these ids, those that some decision is about."""
        found: set[str] = set()
        for start in range(0, len(ids), _IDS):
            found.update(row[0] for row in self._reading.table(self._about, ids=list(ids[start : start + _IDS])))
        return found

    def root(self, size: int) -> bytes:
        """Root of the first ``size`` revisions."""
        return self._tree.at(size).root(size)

    def inclusion(self, revision: int, size: int) -> list[bytes]:
        """Audit path of a revision in the tree of ``size``."""
        return self._tree.at(size).inclusion(revision - 1, size)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Proof that the first ``old`` revisions are the beginning of the first ``new``."""
        return self._tree.at(new).consistency(old, new)

    def keep(self, checkpoint: CheckpointRecord) -> Future[None]:
        """Store a signed checkpoint; of one size the newest stays."""
        return self._writes.submit(self._keep_all, checkpoint, lane=Lane.DECISIONS)

    def _keep_all(self, cursor: Cursor, kept: Sequence[CheckpointRecord]) -> list[None]:
        for one in kept:
            self._keep.run(cursor, [(one.size, one.note)])
        return [None] * len(kept)

    def stray(self) -> int | None:
        """Revision of an attachment that belongs to no entry, or None."""
        row = self._reading.first(self._stray)
        return None if row is None else int(row.revision)

    def checkpoints(self, after: int = -1, limit: int = 1000) -> list[CheckpointRecord]:
        """Stored checkpoints of greater sizes, smallest first."""
        return [CheckpointRecord(*row) for row in self._reading.all(self._notes, after=after, limit=limit)]
