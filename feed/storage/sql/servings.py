"""Servings in SQL: written last, kept for a time, emptied when their reader is erased (law 8)."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from operator import attrgetter
from typing import Any

from sqlalchemy import bindparam, delete, select

from feed.storage.answers import failed
from feed.storage.errors import StoreClosed
from feed.storage.records import ServingRecord
from feed.storage.schema import servings
from feed.storage.sql.days import Days
from feed.storage.sql.erasures import Erasures
from feed.storage.sql.queue import Cursor, Lane
from feed.storage.sql.reading import Reading
from feed.storage.sql.statements import Statements, limited, names
from feed.storage.sql.trials import SqlTrials
from feed.storage.sql.writer import Writes

_EXPIRED_AT_ONCE = 1000
"""Servings deleted in one job, so that a long expiry does not keep the writer from decisions."""

_fields = names(ServingRecord)
_plain = attrgetter(*_fields[:-2])


class SqlServings(SqlTrials):
    """Answered requests."""

    def __init__(self, reading: Reading, writes: Writes, statements: Statements, erasures: Erasures) -> None:
        super().__init__(reading)
        self._reading = reading
        self._writes = writes
        self._erasures = erasures
        self._insert = statements.new_only(servings, *_fields)
        self._days = Days(reading, writes) if statements.many_write else None
        self._sweeper = ThreadPoolExecutor(1, thread_name_prefix="weir-retention")
        old = select(servings.c.seq).where(servings.c.served_at < bindparam("before")).order_by(servings.c.served_at)
        self._expire = statements.text(
            delete(servings).where(servings.c.seq.in_(limited(old, "most"))), "before", "most"
        )
        columns = [servings.c[name] for name in _fields]
        self._get = select(*columns).where(servings.c.request_id == bindparam("of"))
        self._newest = select(*columns).order_by(servings.c.seq.desc()).limit(bindparam("limit"))

    def record(self, records: Sequence[ServingRecord]) -> Future[None]:
        """Store a batch; a request id that is stored already is left as it is."""
        size = sum(len(record.inputs) + len(record.items) + 256 for record in records)
        if self._days is not None:
            self._days.provide(record.served_at for record in records)
        recorded = self._writes.submit(
            self._record, records, lane=Lane.SERVINGS, rows=len(records), size=size + 256, alone=False
        )
        if self._days is not None:
            recorded.add_done_callback(self._days.recorded)
        return recorded

    def _record(self, cursor: Cursor, batches: Sequence[Sequence[ServingRecord]]) -> list[None]:
        records: Sequence[ServingRecord] = list(chain.from_iterable(batches))
        if records:
            records = self._erasures.applied(cursor, records)
            self._insert.run(cursor, [(*_plain(record), int(record.erased), record.arms) for record in records])
        return [None] * len(batches)

    def get(self, request_id: str) -> ServingRecord | None:
        """One Serving, or None."""
        row = self._reading.first(self._get, of=request_id)
        return _record(row) if row else None

    def newest(self, limit: int) -> list[ServingRecord]:
        """The newest Servings in the order of recording, newest first."""
        return [_record(row) for row in self._reading.all(self._newest, limit=limit)]

    def expire(self, before: int) -> Future[int]:
        """Delete Servings served before a second; returns how many."""
        done: Future[int] = Future()
        done.set_running_or_notify_cancel()
        if self._days is None:
            self._expire_next(before, 0, done)
            return done
        try:
            self._sweeper.submit(self._expire_days, self._days, before, done)
        except RuntimeError:  # what an executor says after its shutdown
            return failed(StoreClosed("the store was closed; open it again"))
        return done

    def _expire_days(self, days: Days, before: int, done: Future[int]) -> None:
        """Whole days are dropped, and of the day that is left what is older is deleted."""
        try:
            dropped = days.drop(before)
        except Exception as error:
            done.set_exception(error)
        else:
            self._expire_next(before, dropped, done)

    def _expire_next(self, before: int, deleted: int, done: Future[int]) -> None:
        """Submit one slice; the last of them answers for all. A failure keeps the slices that were deleted."""

        def then(slice_: Future[int]) -> None:
            error = slice_.exception()
            if error is not None:
                done.set_exception(error)
            elif slice_.result() < _EXPIRED_AT_ONCE:
                done.set_result(deleted + slice_.result())
            else:
                self._expire_next(before, deleted + slice_.result(), done)

        self._writes.submit(self._expire_slice, before, lane=Lane.SERVINGS).add_done_callback(then)

    def _expire_slice(self, cursor: Cursor, jobs: Sequence[int]) -> list[int]:
        return [self._expire_one(cursor, before) for before in jobs]

    def _expire_one(self, cursor: Cursor, before: int) -> int:
        self._erasures.expire(cursor, before)
        cursor.execute(self._expire, (before, _EXPIRED_AT_ONCE))
        return cursor.rowcount

    def close(self) -> None:
        """Finish the day that is being dropped."""
        self._sweeper.shutdown()


def _record(row: Any) -> ServingRecord:
    fields = [*row[:-2], bool(row[-2]), row[-1]]
    return ServingRecord(*fields)
