"""Loading: views of readers who are not in memory, read from the store, but not waited for beyond their time (law 7).

A reader whose choices cannot be read is served as one who opted out, with sensitive items hidden: nothing personal can
come of what is not known. The reading goes on by itself, so the page after it is the reader's own. One statement reads
several: those who come while a reading is under way are read by the next one, by the same thread; and each alone when
that fails or takes long. A store that hangs holds so many threads at most; beyond them nobody waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from contextvars import copy_context
from queue import Empty, SimpleQueue
from threading import Lock, Thread, get_ident
from time import monotonic

import structlog

from feed.observing.loop_metrics import Count
from feed.readers.choices import UNREADABLE
from feed.readers.states import ReaderStates
from feed.readers.views import ReaderView
from feed.storage.errors import StorageError
from feed.storage.records import ReaderRecord
from ranking.catalogue import Catalogue
from ranking.reader import NO_HISTORY, NO_SEEN, Reader

_log = structlog.get_logger("weir")

AT_ONCE = 16
"""Readings of the store at the same time."""

TOGETHER = 4
"""Readers of one reading at most: while their pages are made, the next are read."""

_OVERDUE_SECONDS = 0.003
"""After which those who wait for a reading to end are read by another thread."""

_SLOW = 0.25
"""The part of a page's time after which a reader is read alone, whose reading together with others goes on."""

_IDLE_SECONDS = 10.0
"""After which a thread that nobody needed ends."""


class _Waiting:
    """A page that waits for its reader's view: None if there is none in time."""

    __slots__ = ("alone", "begun", "catalogue", "context", "reader", "view")

    def __init__(self, reader: str, catalogue: Catalogue, view: asyncio.Future[ReaderView | None]) -> None:
        self.reader = reader
        self.catalogue = catalogue
        self.view = view
        self.context = copy_context()
        self.begun = self.alone = False


class ReaderLoading:
    """Loads views for one event loop."""

    def __init__(self, readers: ReaderStates, seconds: float, unread: Count) -> None:
        """``seconds`` is the longest a page waits; ``unread`` counts those that waited in vain."""
        self._readers = readers
        self._seconds = seconds
        self._unread = unread
        self._coming: list[_Waiting] = []
        self._lock = Lock()
        self._waiting: deque[_Waiting] = deque()
        self._begun: dict[int, float] = {}
        self._threads = self._free = 0
        self._watched = False
        self._calls: SimpleQueue[None] = SimpleQueue()

    async def view(self, reader: str, catalogue: Catalogue) -> ReaderView:
        """The reader's view, or that of somebody whose choices cannot be read."""
        # Whoever would stand in line behind readings that hang gets nothing by it.
        view = None if self._hangs() else await self._asked(reader, catalogue)
        if view is None:
            self._unread.inc()
            return unread(reader)
        return view

    def _hangs(self) -> bool:
        if len(self._begun) < AT_ONCE:
            return False
        begun = list(self._begun.values())
        return len(begun) == AT_ONCE and max(begun) < monotonic() - self._seconds

    async def _asked(self, reader: str, catalogue: Catalogue) -> ReaderView | None:
        loop = asyncio.get_running_loop()
        waiting = _Waiting(reader, catalogue, loop.create_future())
        # Those who come in the same turn of the loop are handed over together.
        if not self._coming:
            loop.call_soon(self._hand_over, loop)
        self._coming.append(waiting)
        ends = loop.call_later(self._seconds, _answer, waiting.view, None)
        slow = loop.call_later(self._seconds * _SLOW, self._read_slow, waiting)
        try:
            return await waiting.view
        finally:
            ends.cancel()
            slow.cancel()

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            self._waiting += self._coming
            self._coming.clear()
            if self._threads == self._free:
                self._call(1)
        if not self._watched:
            self._watched = True
            loop.call_later(_OVERDUE_SECONDS, self._overdue, loop)

    def _overdue(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            while self._waiting and self._waiting[0].view.done():
                self._waiting.popleft()
            self._watched = bool(self._waiting) and self._threads - self._free < AT_ONCE
            if self._watched:
                self._call(1)
                loop.call_later(_OVERDUE_SECONDS, self._overdue, loop)

    def _read_slow(self, waiting: _Waiting) -> None:
        """Let nobody miss a page by how long another takes to read."""
        with self._lock:
            if waiting.begun and not waiting.alone and not waiting.view.done():
                waiting.alone = True
                self._waiting.append(waiting)
                self._call(1)

    def _call(self, wanted: int) -> None:
        """Have as many threads look who is waiting, as far as there may be; the lock is held."""
        for _ in range(wanted):
            if self._free:
                self._free -= 1
                self._calls.put(None)
            elif self._threads < AT_ONCE:
                with suppress(RuntimeError):  # the machine gives no more threads: tried again while somebody waits
                    Thread(target=self._run, name="weir-reading", daemon=True).start()
                    self._threads += 1

    def _run(self) -> None:
        """Read for those who wait; end when nobody called for a while."""
        called = True
        try:
            while called:
                with self._lock:
                    self._begun.pop(get_ident(), None)
                    reading = self._next()
                    if reading:
                        self._begun[get_ident()] = monotonic()
                    else:
                        self._free += 1
                if len(reading) == 1:
                    reading[0].context.run(self._read, reading)
                elif reading:
                    self._read(reading)
                called = bool(reading) or self._called()
        except BaseException:
            with self._lock:
                self._begun.pop(get_ident(), None)
                self._threads -= 1
                self._call(bool(self._waiting))
            raise

    def _called(self) -> bool:
        with suppress(Empty):
            self._calls.get(timeout=_IDLE_SECONDS)
            return True
        with self._lock:
            with suppress(Empty):
                # Somebody called at the last moment.
                self._calls.get_nowait()
                return True
            self._free -= 1
            self._threads -= 1
            return False

    def _next(self) -> list[_Waiting]:
        """Those who are read for now: of those who still wait the first, and others that may be read with it."""
        reading: list[_Waiting] = []
        most = TOGETHER
        while self._waiting and len(reading) < most:
            first = self._waiting[0]
            if not first.view.done():
                if reading and (first.alone or first.catalogue is not reading[0].catalogue):
                    break
                reading.append(first)
                most = 1 if first.alone else most
            self._waiting.popleft()
        for one in reading:
            one.begun, one.alone = True, len(reading) == 1
        return reading

    def _read(self, reading: Sequence[_Waiting]) -> None:
        views: Sequence[ReaderView | None] = [None]
        failure: Exception | None = None
        try:
            views = self._readers.load_all([one.reader for one in reading], reading[0].catalogue)
        except Exception as error:
            if len(reading) > 1:
                self._read_alone(reading)
                return
            failure = error
        with suppress(RuntimeError):  # the loop was closed: nobody waits
            reading[0].view.get_loop().call_soon_threadsafe(_answer_all, reading, views)
        if failure is not None and not isinstance(failure, StorageError):
            _log.error("a reader could not be read", exc_info=failure)

    def _read_alone(self, reading: Sequence[_Waiting]) -> None:
        """Nobody misses a page by what the reading of another failed of."""
        with self._lock:
            again = [one for one in reading if not one.alone]
            for one in again:
                one.alone = True
            self._waiting.extendleft(reversed(again))
            self._call(len(again) - 1)


def _answer(waiting: asyncio.Future[ReaderView | None], view: ReaderView | None) -> None:
    if not waiting.done():
        waiting.set_result(view)


def _answer_all(reading: Sequence[_Waiting], views: Sequence[ReaderView | None]) -> None:
    for one, view in zip(reading, views, strict=True):
        _answer(one.view, view)


def unread(reader: str) -> ReaderView:
    """The view of a reader whose choices cannot be read."""
    nothing_known = Reader(NO_HISTORY, NO_SEEN, UNREADABLE.settings)
    return ReaderView(nothing_known, ReaderRecord(reader), UNREADABLE.audience, UNREADABLE.break_minutes)
