"""Policy documents in SQL, by content hash (law 4: stored before the decision that publishes them)."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

from sqlalchemy import bindparam, select

from feed.storage.schema import policies
from feed.storage.sql.queue import Cursor, Lane
from feed.storage.sql.reading import Reading
from feed.storage.sql.statements import Statements
from feed.storage.sql.writer import Writes

_Row = tuple[str, str, int]


class SqlPolicies:
    """Policy documents."""

    def __init__(self, reading: Reading, writes: Writes, statements: Statements) -> None:
        self._reading = reading
        self._writes = writes
        self._insert = statements.new_only(policies, "digest", "document", "created_at")
        self._get = select(policies.c.document).where(policies.c.digest == bindparam("of"))

    def put(self, digest: str, document: str, created_at: int) -> Future[None]:
        """Store a document's canonical JSON text; the same content again changes nothing."""
        row = (digest, document, created_at)
        return self._writes.submit(self._put, row, lane=Lane.DECISIONS, size=len(document) + 256)

    def _put(self, cursor: Cursor, rows: Sequence[_Row]) -> list[None]:
        self._insert.run(cursor, rows)
        return [None] * len(rows)

    def get(self, digest: str) -> str | None:
        """The document, or None."""
        row = self._reading.first(self._get, of=digest)
        return row.document if row else None
