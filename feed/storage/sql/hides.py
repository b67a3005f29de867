"""Hides in SQL: a step of the transaction that stores events."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam, select

from feed.storage.hides import hides, joined
from feed.storage.records import EventRecord, ReaderRecord
from feed.storage.rules import is_personalized
from feed.storage.schema import readers
from feed.storage.sql.queue import Cursor
from feed.storage.sql.statements import Statements, names


class Hides:
    """Lets accepted hides join their readers' settings."""

    def __init__(self, statements: Statements) -> None:
        fields = names(ReaderRecord)
        mine = select(*(readers.c[name] for name in fields)).where(readers.c.reader == bindparam("of"))
        self._get = statements.text(mine, "of")
        self._put = statements.put(readers, *fields, "personalized", key=["reader"])

    def join(self, cursor: Cursor, accepted: Iterable[EventRecord]) -> None:
        """Change the settings of every reader who hid something, in the open transaction."""
        for reader, events in hides(accepted).items():
            cursor.execute(self._get, (reader,))
            row = cursor.fetchone()
            stored = ReaderRecord(*row) if row else ReaderRecord(reader)
            saved = joined(stored, events)
            if saved is not stored:
                personalized = int(is_personalized(saved.settings))
                self._put.run(cursor, [(saved.reader, saved.settings, saved.version, saved.updated_at, personalized)])
