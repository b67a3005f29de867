"""Servings by days in PostgreSQL: a table a day (UTC), made before its first row, dropped whole when its time is over.

Why: deleting rows one by one costs as much as storing them, and leaves their room to be cleaned up (docs/adr/0032). A
table is attached, not made as a part, so that nobody who reads the others has to finish first; readers of days that are
dropped have a second for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text

from feed.storage.sql.queue import Cursor, Lane
from feed.storage.sql.reading import Reading
from feed.storage.sql.writer import Writes

DAY = 86_400
_PARTS = (
    select(text("c.relname, pg_get_expr(c.relpartbound, c.oid)"))
    .select_from(text("pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"))
    .where(text("i.inhparent = CAST('servings' AS regclass)"))
)
_BOUNDS = re.compile(r"FOR VALUES FROM \((?:MINVALUE|'(\d+)')\) TO \('(\d+)'\)")


@dataclass(frozen=True, slots=True)
class Part:
    """A table of Servings served at ``first`` <= second < ``end``."""

    name: str
    first: int
    end: int


def make_days(cursor: Cursor, days: Iterable[int]) -> None:
    """Make the tables of these days since 1970 that are not there, in the open transaction."""
    cursor.execute(str(_PARTS))
    parts = [_part(row) for row in cursor.fetchall()]
    for day in days:
        if any(part.first <= day * DAY < part.end for part in parts):
            continue
        name = f"servings_{day}"
        cursor.execute(f"CREATE TABLE {name} (LIKE servings INCLUDING ALL)")
        bounds = f"FROM ({day * DAY}) TO ({(day + 1) * DAY})"
        cursor.execute(f"ALTER TABLE servings ATTACH PARTITION {name} FOR VALUES {bounds}")


class Days:
    """The tables of one store."""

    def __init__(self, reading: Reading, writes: Writes) -> None:
        self._reading = reading
        self._writes = writes
        self._known: set[int] = set()

    def provide(self, seconds: Iterable[int]) -> None:
        """Have the tables made in which Servings of these seconds go, before whatever is submitted next."""
        missing = {second // DAY for second in seconds} - self._known
        if missing:
            made = self._writes.submit(self._make, sorted(missing), lane=Lane.SERVINGS)
            made.add_done_callback(lambda done: self._made(done, missing))

    def _make(self, cursor: Cursor, wanted: Sequence[list[int]]) -> list[None]:
        make_days(cursor, sorted({day for days in wanted for day in days}))
        return [None] * len(wanted)

    def _made(self, done: Future[None], days: set[int]) -> None:
        if not done.cancelled() and done.exception() is None:
            self._known |= days

    def recorded(self, done: Future[Any]) -> None:
        """Look again after a failure: another process may have dropped what is known here."""
        if done.cancelled() or done.exception() is not None:
            self._known.clear()

    def drop(self, before: int) -> int:
        """Drop the days that ended by a second; returns how many Servings. Blocks, also while they are counted."""
        gone = 0
        for part in [_part(row) for row in self._reading.all(_PARTS)]:
            if part.end <= before:
                gone += self._reading.number(select(func.count()).select_from(text(part.name)))
                self._writes.submit(self._drop, part, lane=Lane.SERVINGS).result()
        return gone

    def _drop(self, cursor: Cursor, parts: Sequence[Part]) -> list[None]:
        cursor.execute("SET LOCAL lock_timeout = '1s'")
        for part in parts:
            cursor.execute(f"DROP TABLE IF EXISTS {part.name}")
            self._known -= {day for day in self._known if part.first <= day * DAY < part.end}
        cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
        return [None] * len(parts)


def _part(row: Any) -> Part:
    name, bounds = row
    found = _BOUNDS.fullmatch(bounds)
    if found is None:
        raise ValueError(f"table {name} holds Servings by other bounds than days: {bounds}")
    first, end = found.groups()
    return Part(name, int(first or 0), int(end))
