"""The queue of changes between the tables and the journal: lines of entries, written with what they tell of (law 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, select, update

from feed.storage.schema import changes
from feed.storage.sql.queue import Cursor
from feed.storage.sql.reading import Reading
from feed.storage.sql.statements import Statements


@dataclass(frozen=True, slots=True)
class Taken:
    """The oldest queued changes: whole rows up to position ``last``, and ``rest`` of that row, if any, to be kept."""

    lines: bytes
    last: int
    rest: tuple[int, bytes] | None


class Changes:
    """One row holds the entries of one write, however many they are."""

    def __init__(self, reading: Reading, statements: Statements) -> None:
        self._reading = reading
        self._insert = statements.new(changes, "entries", "lines")
        self._delete = statements.text(delete(changes).where(changes.c.seq <= bindparam("last")), "last")
        self._keep_rest = statements.text(
            update(changes)
            .values(entries=bindparam("count"), lines=bindparam("rest"))
            .where(changes.c.seq == bindparam("position")),
            "count",
            "rest",
            "position",
        )
        self._next = (
            select(changes.c.seq, changes.c.entries, changes.c.lines)
            .where(changes.c.seq > bindparam("after"))
            .order_by(changes.c.seq)
            .limit(1)
        )
        self._pending = select(func.sum(changes.c.entries))

    def put(self, cursor: Cursor, lines: Sequence[bytes]) -> None:
        """Queue entries, one line each, in the open transaction."""
        if lines:
            self._insert.run(cursor, [(len(lines), b"".join(lines))])

    def oldest(self, limit: int) -> Taken:
        """The oldest queued entries, at most ``limit``; those of one write may be cut in two."""
        parts: list[bytes] = []
        last, left = 0, limit
        while left and (row := self._reading.first(self._next, after=last)):
            last, count, lines = row
            if count > left:
                taken = lines.splitlines(keepends=True)
                parts.extend(taken[:left])
                return Taken(b"".join(parts), last, (count - left, b"".join(taken[left:])))
            parts.append(lines)
            left -= count
        return Taken(b"".join(parts), last, None)

    def remove(self, cursor: Cursor, taken: Taken) -> None:
        """Empty the queue by what was taken, in the open transaction."""
        last = taken.last
        if taken.rest is not None:
            cursor.execute(self._keep_rest, (*taken.rest, last))
            last -= 1
        cursor.execute(self._delete, (last,))

    def pending(self) -> int:
        """Entries queued."""
        return self._reading.number(self._pending)
