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

_TAKEN = "23505"
"""What PostgreSQL says when a unique value is taken (its manual, appendix A)."""

_WARY = 64
"""Stores for which events are looked for first, after some were known."""

_SAVEPOINT = "weir_new"


class Newcomers:
    """Inserts events, leaving out those whose reader and client id are stored."""

    def __init__(self, statements: Statements) -> None:
        key = (events.c.reader, events.c.client_id)
        fields = names(EventRecord)
        returned = ("reader", "client_id", "seq")
        self._told = ArrayInsertion(events, fields, returned) if statements.many_write else None
        self._all_new = ArrayInsertion(events, fields, newest="seq") if statements.many_write else None
        self._wary = 0
        self._earlier = Earlier()
        self._insert = statements.new_only(events, *fields)
        self._newest = statements.text(limited(select(*key).order_by(events.c.seq.desc()), "limit"), "limit")

    def store(self, cursor: Cursor, rows: Sequence[EventRecord]) -> set[tuple[str, str]] | None:
        """Insert in the open transaction; the keys of the new ones, or None when all are new."""
        if self._told is not None and self._all_new is not None:
            return self._stored(cursor, rows, self._told, self._all_new)
        stored = self._insert.run(cursor, rows)
        if stored == len(rows):
            return None
        # Positions only grow, and nobody else writes: the newest rows are those just stored.
        cursor.execute(self._newest, (stored,))
        return set(cursor.fetchall())

    def _stored(
        self, cursor: Cursor, rows: Sequence[EventRecord], insertion: ArrayInsertion, all_new: ArrayInsertion
    ) -> set[tuple[str, str]] | None:
        """The same where events lie in parts: the database tells of those in the open one.

        All are taken to be new until some were not: to look for each before it is stored takes the database longer.
        """
        earlier = self._earlier.among(cursor, rows)
        fresh = [row for row in rows if (row.reader, row.client_id) not in earlier] if earlier else rows
        if not self._wary and self._as_new(cursor, fresh, all_new):
            return {(row.reader, row.client_id) for row in fresh} if earlier else None
        told = insertion.told(cursor, fresh)
        if told:
            self._earlier.confirm(told[0][2])
        self._wary = self._wary - 1 if len(told) == len(fresh) else _WARY
        return None if len(told) == len(rows) else {(reader, client_id) for reader, client_id, _ in told}

    def _as_new(self, cursor: Cursor, rows: Sequence[EventRecord], insertion: ArrayInsertion) -> bool:
        """Insert events that are all new; if some are not, nothing is done."""
        cursor.execute(f"SAVEPOINT {_SAVEPOINT}")
        try:
            told = insertion.told(cursor, rows)
        except Exception as cause:
            if getattr(cause, "sqlstate", "") != _TAKEN:
                raise
            self._wary = _WARY
            cursor.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
            told = None
        cursor.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
        if told:
            self._earlier.confirm(told[0][0])
        return told is not None
