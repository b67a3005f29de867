"""Events in SQL: a batch is one statement; duplicates are told apart only when there are any."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from itertools import chain

from sqlalchemy import bindparam, delete, func, select

from feed.storage.ports.store import Outcome
from feed.storage.records import EventColumns, EventRecord
from feed.storage.schema import events
from feed.storage.sql.aging import Aging
from feed.storage.sql.columns import read_columns
from feed.storage.sql.erasures import Erasures
from feed.storage.sql.exposures import Exposures
from feed.storage.sql.hides import Hides
from feed.storage.sql.newcomers import Newcomers
from feed.storage.sql.queue import Cursor, Lane
from feed.storage.sql.reading import Reading
from feed.storage.sql.statements import Statements, names
from feed.storage.sql.writer import Writes
from ranking.reader import EventKind

_HIDE = int(EventKind.HIDE)
_EVENT_BYTES = 256
_ASKED = 500
"""Readers of one query."""


class SqlEvents:
    """Events of readers, unique by (reader, client_id)."""

    def __init__(self, reading: Reading, writes: Writes, statements: Statements, erasures: Erasures) -> None:
        self._reading = reading
        self._writes = writes
        self._erasures = erasures
        self._hides = Hides(statements)
        self._insert = Newcomers(statements)
        mine = delete(events).where(events.c.reader == bindparam("reader"))
        self._forget_all = statements.text(mine, "reader")
        self._forget_item = statements.text(mine.where(events.c.item == bindparam("item")), "reader", "item")
        fields = [events.c[name] for name in names(EventRecord)]
        self._of_reader = (
            select(*fields)
            .where(events.c.reader == bindparam("reader"))
            .order_by(events.c.seq.desc())
            .limit(bindparam("limit"))
        )
        self._count = select(func.count()).select_from(events)
        # The smallest position of a reader stands in the index of readers' events: no event but the first is read.
        firsts = (
            select(func.min(events.c.seq))
            .where(events.c.reader.in_(bindparam("readers", expanding=True)))
            .group_by(events.c.reader)
        )
        self._first_received = select(events.c.reader, events.c.received_at).where(events.c.seq.in_(firsts))
        self._exposures = Exposures(reading, writes, statements)
        self._aging = Aging(reading, writes, statements, self._exposures)
        self.expire = self._aging.expire
        self.vouched = self._aging.vouched
        self.begin_part = self._aging.begin_part
        self.close = self._aging.close

    def append(self, records: Sequence[EventRecord]) -> Future[list[Outcome]]:
        """Store a batch, and let its hides join their readers' settings, in one transaction; one outcome per record."""
        count, hiding = len(records), any(record.kind == _HIDE for record in records)
        size = _EVENT_BYTES * (count + 1)
        batch = (records, hiding)
        # Hides edit settings, which others edit, too; other events only add.
        return self._writes.submit(self._append, batch, lane=Lane.EVENTS, rows=count, size=size, alone=hiding)

    def _append(self, cursor: Cursor, batches: Sequence[tuple[Sequence[EventRecord], bool]]) -> list[list[Outcome]]:
        rows = batches[0][0] if len(batches) == 1 else list(chain.from_iterable(records for records, _ in batches))
        new = self._insert.store(cursor, rows)
        self._exposures.appended(cursor, len(rows) if new is None else len(new))
        if new is None:
            accepted: Iterable[EventRecord] = rows
            outcomes = [[Outcome.ACCEPTED] * len(records) for records, _ in batches]
        else:
            outcomes = [[_outcome(record, new) for record in records] for records, _ in batches]
            told = zip(rows, chain.from_iterable(outcomes), strict=True)
            accepted = (record for record, outcome in told if outcome is Outcome.ACCEPTED)
        if any(hiding for _, hiding in batches):
            self._hides.join(cursor, accepted)
        return outcomes

    def of_reader(self, reader: str, limit: int) -> list[EventRecord]:
        """The newest ``limit`` events of a reader in the order of storing, oldest first."""
        rows = self._reading.table(self._of_reader, reader=reader, limit=limit)
        return [EventRecord._make(row) for row in reversed(rows)]

    def forget(self, reader: str, item: str | None = None, *, at: int = 0) -> Future[int]:
        """Delete a reader's events, or those about one item, and empty the reader's Servings; returns how many."""
        return self._writes.submit(self._forget, (reader, item, at), lane=Lane.SERVINGS, after_all=True)

    def _forget(self, cursor: Cursor, jobs: Sequence[tuple[str, str | None, int]]) -> list[int]:
        return [self.erase(cursor, reader, item, at)[0] for reader, item, at in jobs]

    def erase(self, cursor: Cursor, reader: str, item: str | None, at: int) -> tuple[int, int]:
        """Do :meth:`forget` in the open transaction; returns the events deleted and the Servings emptied."""
        if item is None:
            cursor.execute(self._forget_all, (reader,))
        else:
            cursor.execute(self._forget_item, (reader, item))
        forgotten = cursor.rowcount
        self._exposures.removed(cursor)
        return forgotten, self._erasures.empty(cursor, reader, at)

    def columns(self, *, after: int = -1, newest: int | None = None) -> EventColumns:
        """Consented events without impressions, of readers whose personalization is on, oldest first."""
        return read_columns(self._reading, after, newest)

    def exposures(self, item: str, *, after: int = 0, before: int = 0) -> int:
        """Impressions of an item, consented or not, with ``after`` <= occurred_at < ``before``."""
        return self._exposures.count(item, after, before)

    def exposed(self, items: Sequence[str], *, after: str = "", before: int = 0, limit: int) -> list[str]:
        """Readers who had an impression of any of these items, each once, ascending, those beyond ``after``."""
        return self._exposures.readers(items, after, before, limit)

    def first_received(self, readers: Sequence[str]) -> dict[str, int]:
        """The second at which the first stored event of each reader came in; readers without any are left out."""
        pages = (readers[start : start + _ASKED] for start in range(0, len(readers), _ASKED))
        found = chain.from_iterable(self._reading.all(self._first_received, readers=list(page)) for page in pages)
        return dict(map(tuple, found))

    def count(self) -> int:
        """Number of stored events."""
        return self._reading.number(self._count)


def _outcome(record: EventRecord, stored: set[tuple[str, str]]) -> Outcome:
    """Of records with the same key the first was stored, so only the first finds its key."""
    key = (record.reader, record.client_id)
    if key not in stored:
        return Outcome.DUPLICATE
    stored.remove(key)
    return Outcome.ACCEPTED
