"""What erasing a reader does to Servings: those stored lose reader, inputs, items and arms; those still under way, too.

Keeps law 8. What remains of an erasure is a digest of the reader's id and the second, kept as long as Servings are; and
one more in the number of forgettings, by which training knows that what it might begin from holds on to too much.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, literal_column, select, update

from feed.storage.records import ServingRecord
from feed.storage.rules import emptied
from feed.storage.schema import FORGETTINGS, erasures, heads, servings
from feed.storage.sql.queue import Cursor
from feed.storage.sql.statements import Statements


class Erasures:
    """Steps of other nouns' transactions."""

    def __init__(self, statements: Statements, *, slack: int = 0) -> None:
        """Servings are emptied that were served up to ``slack`` seconds later: other hosts' clocks may run ahead."""
        self._slack = slack
        values = {"reader": "", "inputs": b"", "items": b"", "erased": 1, "arms": ""}
        parameters: dict[str, ColumnElement[Any]] = {name: bindparam(f"new_{name}") for name in values}
        self._emptied = tuple(values.values())
        self._empty = statements.text(
            update(servings).values(parameters).where(servings.c.reader == bindparam("of")),
            *(f"new_{name}" for name in values),
            "of",
        )
        self._remember = statements.put(erasures, "reader_digest", "at", key=["reader_digest"], newer="at")
        self._since = statements.text(
            select(erasures.c.reader_digest, erasures.c.at).where(erasures.c.at >= bindparam("at")), "at"
        )
        mine = heads.c.name == bindparam("of")
        self._count = statements.text(
            update(heads).values(number=heads.c.number + literal_column("1")).where(mine), "of"
        )
        self._first = statements.new(heads, "name", "number")
        self._expire = statements.text(delete(erasures).where(erasures.c.at < bindparam("before")), "before")

    def empty(self, cursor: Cursor, reader: str, at: int) -> int:
        """Empty a reader's Servings, and remember to empty those served up to ``at`` that come in later."""
        self.count(cursor)
        self._remember.run(cursor, [(_digest(reader), at + self._slack)])
        cursor.execute(self._empty, (*self._emptied, reader))
        return cursor.rowcount

    def count(self, cursor: Cursor) -> None:
        """Count that events which counted may count no more."""
        cursor.execute(self._count, (FORGETTINGS,))
        if not cursor.rowcount:
            self._first.run(cursor, [(FORGETTINGS, 1)])

    def applied(self, cursor: Cursor, records: Sequence[ServingRecord]) -> Sequence[ServingRecord]:
        """The records, those of readers erased since they were served emptied."""
        cursor.execute(self._since, (min(record.served_at for record in records),))
        erased = dict(cursor.fetchall())
        if not erased:
            return records
        return [
            emptied(record) if erased.get(_digest(record.reader), -1) >= record.served_at else record
            for record in records
        ]

    def expire(self, cursor: Cursor, before: int) -> None:
        """Forget erasures older than the oldest Serving that is kept."""
        cursor.execute(self._expire, (before,))


def _digest(reader: str) -> str:
    return hashlib.sha256(reader.encode()).hexdigest()
