"""Storing events that may be there already, and telling which were not: as each kind of database does it best."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from feed.storage.records import EventRecord
from feed.storage.schema import events
from feed.storage.sql.arrays import ArrayInsertion
from feed.storage.sql.parts import Earlier
from feed.storage.sql.queue import Cursor
from feed.storage.sql.statements import Statements, limited, names


class Newcomers:
    """Inserts events, leaving out those whose reader and client id are stored."""

    def __init__(self, statements: Statements) -> None:
        key = (events.c.reader, events.c.client_id)
        fields = names(EventRecord)
        returned = ("reader", "client_id", "seq")
        self._told = ArrayInsertion(events, fields, returned) if statements.many_write else None
        self._earlier = Earlier()
        self._insert = statements.new_only(events, *fields)
        self._newest = statements.text(limited(select(*key).order_by(events.c.seq.desc()), "limit"), "limit")

    def store(self, cursor: Cursor, rows: Sequence[EventRecord]) -> set[tuple[str, str]] | None:
        """Insert in the open transaction; the keys of the new ones, or None when all are new."""
        if self._told is not None:
            return self._stored(cursor, rows, self._told)
        stored = self._insert.run(cursor, rows)
        if stored == len(rows):
            return None
        # Positions only grow, and nobody else writes: the newest rows are those just stored.
        cursor.execute(self._newest, (stored,))
        return set(cursor.fetchall())

    def _stored(
        self, cursor: Cursor, rows: Sequence[EventRecord], insertion: ArrayInsertion
    ) -> set[tuple[str, str]] | None:
        """The same where events lie in parts: the database tells of those in the open one."""
        earlier = self._earlier.among(cursor, rows)
        fresh = [row for row in rows if (row.reader, row.client_id) not in earlier] if earlier else rows
        told = insertion.told(cursor, fresh)
        if told:
            self._earlier.confirm(told[0][2])
        return None if len(told) == len(rows) else {(reader, client_id) for reader, client_id, _ in told}
