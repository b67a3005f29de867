"""The journal in SQL: numbered editions made of queued changes (law 2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import repeat

from sqlalchemy import bindparam, select, update

from feed.storage.answers import failed
from feed.storage.entries import pack
from feed.storage.errors import StoreClosed
from feed.storage.records import Edition
from feed.storage.schema import JOURNAL, editions, heads
from feed.storage.sql.changes import Changes, Taken
from feed.storage.sql.queue import Cursor, Lane
from feed.storage.sql.reading import Reading
from feed.storage.sql.statements import Statements, names
from feed.storage.sql.writer import Writes

_Publication = tuple[Edition, Taken]


class SqlJournal:
    """Editions are gathered and compressed on a thread of their own, so that the writer only has to insert them."""

    def __init__(self, reading: Reading, writes: Writes, statements: Statements, changes: Changes) -> None:
        self._reading = reading
        self._writes = writes
        self._changes = changes
        self._maker = ThreadPoolExecutor(1, thread_name_prefix="weir-editions")
        self._insert = statements.new(editions, *names(Edition))
        follows = (heads.c.name == bindparam("of"), heads.c.number == bindparam("from"))
        self._set_head = statements.text(
            update(heads).values(number=bindparam("to")).where(*follows), "to", "of", "from"
        )
        self._head = select(heads.c.number).where(heads.c.name == JOURNAL)
        self._since = (
            select(editions).where(editions.c.edition > bindparam("after")).order_by(editions.c.edition).limit(1)
        )

    def head(self) -> int:
        """The last edition, 0 when empty."""
        return self._reading.number(self._head)

    def since(self, edition: int, limit: int | None = None) -> Iterator[Edition]:
        """Editions with a greater number, in order, read one at a time; all of them, or at most ``limit``."""
        for _ in repeat(None) if limit is None else repeat(None, limit):
            row = self._reading.first(self._since, after=edition)
            if row is None:
                return
            edition = row.edition
            yield Edition(*row)

    def publish(self, *, extra: bytes, at: int, limit: int = 100_000) -> Future[int]:
        """Write the next edition from at most ``limit`` queued changes, oldest first, plus ``extra`` entries."""
        try:
            return self._maker.submit(self._publish, extra, at, limit)
        except RuntimeError:  # what an executor says after its shutdown
            return failed(StoreClosed("the store was closed; open it again"))

    def _publish(self, extra: bytes, at: int, limit: int) -> int:
        """Runs on one thread. Who publishes in between moves the head and takes from the queue: then it is done again
        from there."""
        while True:
            head = self.head()
            taken = self._changes.oldest(limit)
            if not taken.lines and not extra:
                return head
            edition = Edition(head + 1, at, pack(taken.lines + extra))
            size = len(edition.entries) + 256
            if self._writes.submit(self._write, (edition, taken), lane=Lane.EVENTS, size=size).result():
                return edition.edition

    def _write(self, cursor: Cursor, publications: Sequence[_Publication]) -> list[bool]:
        return [self._write_one(cursor, edition, taken) for edition, taken in publications]

    def _write_one(self, cursor: Cursor, edition: Edition, taken: Taken) -> bool:
        """Whether it was written, which it is not when it does not follow the last one."""
        cursor.execute(self._set_head, (edition.edition, JOURNAL, edition.edition - 1))
        if cursor.rowcount != 1:
            return False
        self._insert.run(cursor, [(edition.edition, edition.published_at, edition.entries)])
        self._changes.remove(cursor, taken)
        return True

    def oldest(self, limit: int) -> bytes:
        """At most ``limit`` queued changes, oldest first, one a line: those that ``publish`` with this limit takes."""
        return self._changes.oldest(limit).lines

    def pending(self) -> int:
        """Queued changes not yet in an edition."""
        return self._changes.pending()

    def close(self) -> None:
        """Finish the edition under way."""
        self._maker.shutdown()
