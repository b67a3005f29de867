"""Retention of events: whole parts where the database has them so, else slices from the oldest on, beside all writes.

What else hangs on events goes with them: blocks of exposures that point at none any more. Nothing here holds up a
decision: each step is a short write of its own, behind the others.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import bindparam, delete, select

from feed.storage.answers import failed
from feed.storage.errors import StoreClosed
from feed.storage.schema import events
from feed.storage.sql.exposures import Exposures
from feed.storage.sql.parts import Parts
from feed.storage.sql.queue import Cursor, Lane
from feed.storage.sql.reading import Reading
from feed.storage.sql.statements import Statements, limited
from feed.storage.sql.writer import Writes

T = TypeVar("T")

_AT_ONCE = 250
"""Events deleted in one step: a decision that comes meanwhile waits for no more."""


class Aging:
    """The retention of one store."""

    def __init__(self, reading: Reading, writes: Writes, statements: Statements, exposures: Exposures) -> None:
        self._reading = reading
        self._writes = writes
        self._exposures = exposures
        self._parts = Parts(reading, writes) if statements.many_write else None
        self._sweeper = ThreadPoolExecutor(1, thread_name_prefix="weir-aging")
        self._closing = threading.Event()
        oldest = select(events.c.seq, events.c.received_at).order_by(events.c.seq)
        self._newest = select(events.c.received_at).order_by(events.c.seq.desc()).limit(1)
        self._oldest = statements.text(limited(oldest, "most"), "most")
        self._delete = statements.text(delete(events).where(events.c.seq <= bindparam("last")), "last")

    def expire(self, before: int, went: Callable[[int], object] = int) -> Future[int]:
        """Let go of events received before a second; returns how many. ``went`` is told of each step, on the sweeper's
        thread: they are gone for good, whatever fails afterwards."""
        return self._beside(lambda: self._expire(before, went))

    def vouched(self) -> int:
        """The second by the database's clock where it has one of its own, else that of the newest receipt."""
        if self._parts is not None:
            return self._parts.now()
        newest = self._reading.first(self._newest)
        return 0 if newest is None else int(newest[0])

    def begin_part(self, at: int, days: int) -> Future[bool]:
        """Begin a part at a second, if the open one is ``days`` old; whether one was begun."""
        parts = self._parts
        return self._beside(lambda: parts is not None and parts.begin(at, days))

    def _beside(self, work: Callable[[], T]) -> Future[T]:
        try:
            return self._sweeper.submit(work)
        except RuntimeError:  # what an executor says after its shutdown
            return failed(StoreClosed("the store was closed; open it again"))

    def _expire(self, before: int, went: Callable[[int], object]) -> int:
        gone = 0
        for step in self._parts.drop(before) if self._parts is not None else self._slices(before):
            went(step)
            gone += step
        while not self._closing.is_set() and self._exposures.forget_some():
            pass
        return gone

    def _slices(self, before: int) -> Iterator[int]:
        step = _AT_ONCE
        while step == _AT_ONCE and not self._closing.is_set():
            step = self._writes.submit(self._slice, before, lane=Lane.SERVINGS).result()
            yield step

    def _slice(self, cursor: Cursor, jobs: Sequence[int]) -> list[int]:
        return [self._one(cursor, before) for before in jobs]

    def _one(self, cursor: Cursor, before: int) -> int:
        """Positions follow time, but for clocks that were set back: then what is older waits for what is before it."""
        cursor.execute(self._oldest, (_AT_ONCE,))
        last = 0
        for position, received_at in cursor.fetchall():
            if received_at >= before:
                break
            last = position
        if not last:
            return 0
        cursor.execute(self._delete, (last,))
        gone = cursor.rowcount
        self._exposures.removed(cursor)
        return gone

    def close(self) -> None:
        """Finish the step that is being taken."""
        self._closing.set()
        self._sweeper.shutdown()
