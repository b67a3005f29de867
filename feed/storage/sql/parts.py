"""Events by parts in PostgreSQL: a table for some weeks of them, begun by the clock, dropped whole (docs/adr/0034).

A part is a span of positions: that of day *d* begins behind position *d* · 2^40. All events go where the sequence
stands, so the part that is open is the one that it stands in, for every writer alike. A part is begun by making its
table and moving the sequence in one transaction, beside which nobody writes; from then on nobody writes the parts
before it. So what is looked for in them within a transaction that stores is not stored by another meanwhile, and an
event is stored once in all parts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import suppress

from sqlalchemy import BigInteger, TableClause, column, func, select, table, text

from feed.future import FUTURE_SECONDS
from feed.storage.errors import StoreBusy, StoreFailed
from feed.storage.records import EventRecord
from feed.storage.sql.arrays import numbers, texts
from feed.storage.sql.queue import Cursor, Lane
from feed.storage.sql.reading import Reading
from feed.storage.sql.writer import Writes

DAY = 86_400
_BITS = 40
_SEQUENCE = "events_seq_seq"
OPEN = f"SELECT last_value >> {_BITS} FROM {_SEQUENCE}"
"""Which part is open."""

_CLOCKS = select(text(f"last_value >> {_BITS}, extract(epoch FROM clock_timestamp())::bigint")).select_from(
    text(_SEQUENCE)
)
PARTS = (
    select(text("substr(c.relname, 8)::bigint"))
    .select_from(text("pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"))
    .where(text("i.inhparent = CAST('events' AS regclass)"))
    .order_by(text("1"))
)
"""Every part, by the day on which it was begun."""

# A subquery with a limit is asked for each key, by the index; a join might read a part as a whole.
_EARLIER = """
SELECT asked.reader, asked.client_id FROM unnest(%s::text[], %s::text[], %s::int8[]) AS asked(reader, client_id, since)
WHERE (SELECT 1 FROM events WHERE events.seq >= asked.since AND events.seq < %s AND events.reader = asked.reader
       AND events.client_id = asked.client_id LIMIT 1) = 1
"""
_LATE = 2 * FUTURE_SECONDS
"""Seconds before it occurred at which an event may have been stored: what is stored lies at most 300 s ahead, and the
other 300 are for clocks that differ and writes that wait."""

_UNTIMED = 7 * DAY
"""Seconds within which what was sent without a time is known again."""

_ABOUT = select(text("CAST(reltuples AS bigint) FROM pg_class WHERE oid = CAST(:part AS regclass)"))
_MANY = 1_000_000
_PATIENCE = "250ms"
"""How long everybody who reads events waits for a part that is dropped, when somebody reads them for long."""

_TRIES = 4


class Earlier:
    """Which events lie in the parts before the open one, asked within the transaction that stores them."""

    def __init__(self) -> None:
        self._open: int | None = None
        self._closed: list[int] = []

    def among(self, cursor: Cursor, rows: Sequence[EventRecord]) -> set[tuple[str, str]]:
        """The keys (reader, client id) of these events that earlier parts hold.

        Nothing is stored before it occurred, so each is looked for in the parts that were open since, if there are any.
        What says that it occurred as it came may have been sent without a time, and is looked for in those of a week.
        """
        if self._open is None:
            self._look(cursor)
        if not self._open:
            return set()
        begun = (self._open + 1) * DAY
        asked = [row for row in rows if _stored_after(row) < begun]
        if not asked:
            return set()
        keys = texts([row.reader for row in asked]), texts([row.client_id for row in asked])
        cursor.execute(_EARLIER, (*keys, numbers([*map(self._since, asked)]), self._open << _BITS))
        return set(cursor.fetchall())

    def _look(self, cursor: Cursor) -> None:
        cursor.execute(OPEN)
        self._open = current = int(cursor.fetchone()[0])
        cursor.execute(str(PARTS))
        self._closed = [day for (day,) in cursor.fetchall() if day < current]

    def _since(self, event: EventRecord) -> int:
        """The position behind which an event may be stored: where the last part begins that was begun by then."""
        found = bisect_left(self._closed, _stored_after(event) // DAY)
        return self._closed[found - 1] << _BITS if found else 0

    def confirm(self, position: int) -> None:
        """Check where an event was stored. Raises ``StoreBusy`` when a part was begun since it was looked for: then the
        group is undone, and done again with the parts that there are now."""
        if position >> _BITS != self._open:
            self._open = None
            raise StoreBusy("a new part of events was begun meanwhile; try again in a moment")


class Parts:
    """The parts of one store. Everything blocks."""

    def __init__(self, reading: Reading, writes: Writes) -> None:
        self._reading = reading
        self._writes = writes

    def now(self) -> int:
        """The second by the database's clock."""
        return int(self._reading.first(_CLOCKS)[1])

    def begin(self, at: int, days: int) -> bool:
        """Begin the part of this day, unless the open one was begun less than ``days`` before; whether one was begun.

        Raises ``StoreFailed`` when ``at`` is minutes off the database's clock: one of them is wrong, and a part of the
        future would last until then.
        """
        current, there = self._reading.first(_CLOCKS)
        due = there // DAY - current >= days
        if not due and (current,) in map(tuple, self._reading.all(PARTS)):
            return False
        if due and abs(at - there) > FUTURE_SECONDS:
            raise StoreFailed(f"this host's clock says {at}, the database's {there}; set them right, then try again")
        begun: bool = self._writes.submit(self._begin, days, lane=Lane.SERVINGS).result()
        if begun:
            with suppress(StoreBusy):
                for _ in self.drop(0):
                    pass
        return begun

    def _begin(self, cursor: Cursor, jobs: Sequence[int]) -> list[bool]:
        cursor.execute("SET LOCAL lock_timeout = '1s'")
        begun = [self._begin_one(cursor, days) for days in jobs]
        cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
        return begun

    def _begin_one(self, cursor: Cursor, days: int) -> bool:
        """The day is read here, where nobody stores: what is stored has not occurred after it, but for clocks.

        The sequence is moved by what a rollback undoes, as ``setval`` is not, so it stands in no part without a table;
        but in a backup it may, as tables are there as they were when it began, and sequences as they were later.
        """
        cursor.execute(str(_CLOCKS))
        current, there = cursor.fetchone()
        due: bool = there // DAY - current >= days
        part = there // DAY if due else current
        if due:
            cursor.execute(f"ALTER SEQUENCE {_SEQUENCE} RESTART WITH {(part << _BITS) + 1}")
        cursor.execute(str(PARTS))
        if (part,) not in map(tuple, cursor.fetchall()):
            self._make(cursor, part)
        return due

    def _make(self, cursor: Cursor, day: int) -> None:
        name = f"events_{day}"
        cursor.execute(f"CREATE TABLE {name} (LIKE events INCLUDING ALL)")
        cursor.execute(f"ALTER TABLE {name} ADD CONSTRAINT uq_{name}_reader_client_id UNIQUE (reader, client_id)")
        bounds = f"FROM ({day << _BITS}) TO ({(day + 1) << _BITS})"
        cursor.execute(f"ALTER TABLE events ATTACH PARTITION {name} FOR VALUES {bounds}")

    def drop(self, before: int) -> Iterator[int]:
        """Drop the closed parts all of whose events were received before a second, and empty ones; tells of each how
        many events went. Raises ``StoreBusy`` when somebody reads events for long."""
        (current, _), days = self._reading.first(_CLOCKS), [day for (day,) in self._reading.all(PARTS)]
        for day in days:
            if day >= current:
                continue
            name = f"events_{day}"
            part = table(name, column("seq", BigInteger), column("received_at", BigInteger))
            last = self._reading.first(select(part.c.received_at).order_by(part.c.seq.desc()).limit(1))
            # Positions follow time, but for clocks that differ and writes that wait.
            if last is not None and last[0] >= before - _LATE:
                continue
            count = self._count(part)
            self._drop_one(day)
            yield count

    def _count(self, part: TableClause) -> int:
        """How many events a part has: of millions, about how many, as reading them all would take minutes."""
        about = self._reading.number(_ABOUT, part=part.name)
        return about if about >= _MANY else self._reading.number(select(func.count()).select_from(part))

    def _drop_one(self, day: int) -> None:
        for left in reversed(range(_TRIES)):
            try:
                self._writes.submit(self._drop, day, lane=Lane.SERVINGS).result()
            except StoreBusy:
                if not left:
                    raise
            else:
                return

    def _drop(self, cursor: Cursor, days: Sequence[int]) -> list[None]:
        cursor.execute(f"SET LOCAL lock_timeout = '{_PATIENCE}'")
        for day in days:
            cursor.execute(f"DROP TABLE IF EXISTS events_{day}")
        cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
        return [None] * len(days)


def _stored_after(event: EventRecord) -> int:
    """The second before which an event, had it been sent before, was not stored."""
    return event.occurred_at - (_UNTIMED if event.occurred_at == event.received_at else _LATE)
