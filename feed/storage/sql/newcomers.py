"""Storing events that may be there already, and telling which were not: as each kind of database does it best."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from feed.storage.records import EventRecord
from feed.storage.schema import events
from feed.storage.sql.arrays import ArrayInsertion
from feed.storage.sql.queue import Cursor
from feed.storage.sql.statements import Statements, limited, names


class Newcomers:
    """Inserts events, leaving out those whose reader and client id are stored."""

    def __init__(self, statements: Statements) -> None:
        key = (events.c.reader, events.c.client_id)
        fields = names(EventRecord)
        self._told = ArrayInsertion(events, fields, ("reader", "client_id")) if statements.many_write else None
        self._insert = statements.new_only(events, *fields)
        self._newest = statements.text(limited(select(*key).order_by(events.c.seq.desc()), "limit"), "limit")

    def store(self, cursor: Cursor, rows: Sequence[EventRecord]) -> set[tuple[str, str]] | None:
        """Insert in the open transaction; the keys of the new ones, or None when all are new."""
        if self._told is not None:
            keys = self._told.told(cursor, rows)
            return None if len(keys) == len(rows) else set(keys)
        stored = self._insert.run(cursor, rows)
        if stored == len(rows):
            return None
        # Positions only grow, and nobody else writes: the newest rows are those just stored.
        cursor.execute(self._newest, (stored,))
        return set(cursor.fetchall())
