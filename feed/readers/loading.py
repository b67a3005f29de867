"""Loading: views of readers who are not in memory, read from the store, but not waited for beyond their time (law 7).

A reader whose choices cannot be read is served as one who opted out, with sensitive items hidden: nothing personal can
come of what is not known. The reading goes on by itself, so the page after it is the reader's own. Where one statement
reads many, pages that wait at the same time are read for together: to hand work to a thread and back costs more than
most readings. Elsewhere, and when that fails, each is read for alone. A store that hangs holds so many threads at most;
beyond them nobody waits.
"""

from __future__ import annotations

import asyncio
from threading import Lock

import anyio
import anyio.to_thread
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

_Views = dict[str, ReaderView]

AT_ONCE = 16
"""Readings of the store at the same time."""

TOGETHER = 32
"""Readers of one reading at most."""

_GATHER_SECONDS = 0.003
"""For which a reading waits for the one before it, so that those who come meanwhile are read together."""


class _Reading:
    """One reading of the store; whichever of loop and thread ends first leaves word for the other."""

    __slots__ = ("abandoned", "begun", "catalogue", "ended", "readers", "task")

    def __init__(self, catalogue: Catalogue, *readers: str) -> None:
        self.catalogue = catalogue
        self.readers = dict.fromkeys(readers)
        self.task: asyncio.Task[_Views | None] | None = None
        self.begun = self.abandoned = self.ended = False


class ReaderLoading:
    """Loads views for one event loop."""

    def __init__(self, readers: ReaderStates, seconds: float, unread: Count) -> None:
        """``seconds`` is the longest a page waits; ``unread`` counts those that waited in vain."""
        self._readers = readers
        self._seconds = seconds
        self._unread = unread
        self._limiter: anyio.CapacityLimiter | None = None
        self._lock = Lock()
        self._hanging = 0
        self._next: _Reading | None = None
        self._under_way: asyncio.Task[_Views | None] | None = None

    async def view(self, reader: str, catalogue: Catalogue) -> ReaderView:
        """The reader's view, or that of somebody whose choices cannot be read."""
        view = None
        # Whoever would stand in line behind readings that hang gets nothing by it.
        if self._hanging < AT_ONCE:
            views, ends = None, anyio.current_time() + self._seconds
            if self._readers.together:
                # A page that is given up takes nobody else's reading with it.
                views = await asyncio.shield(self._joined(reader, catalogue, ends))
            if views is None:
                # Nobody waits for another, or misses a page by what another's reading failed of.
                views = await self._read(_Reading(catalogue, reader), ends)
            view = views.get(reader) if views else None
        if view is None:
            self._unread.inc()
            return unread(reader)
        return view

    def _joined(self, reader: str, catalogue: Catalogue, ends: float) -> asyncio.Task[_Views | None]:
        reading = self._next
        if reading is None or reading.catalogue is not catalogue or len(reading.readers) >= TOGETHER:
            reading = self._next = _Reading(catalogue)
        reading.readers[reader] = None
        if reading.task is None:
            reading.task = asyncio.get_running_loop().create_task(self._gathered(reading, self._under_way, ends))
            self._under_way = reading.task
        return reading.task

    async def _gathered(
        self, reading: _Reading, before: asyncio.Task[_Views | None] | None, ends: float
    ) -> _Views | None:
        if before is not None and not before.done():
            await asyncio.wait((before,), timeout=_GATHER_SECONDS)
        if self._next is reading:
            self._next = None
        return await self._read(reading, ends)

    async def _read(self, reading: _Reading, ends: float) -> _Views | None:
        """The views that could be read until then; None when a reading of several failed, as it may for one of them."""
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(AT_ONCE)
        views: _Views | None = {}
        with anyio.CancelScope(deadline=ends) as waited:
            views = await anyio.to_thread.run_sync(self._load, reading, abandon_on_cancel=True, limiter=self._limiter)
        if waited.cancelled_caught:
            self._abandon(reading)
        return views

    def _abandon(self, reading: _Reading) -> None:
        with self._lock:
            if reading.begun and not reading.ended:
                reading.abandoned = True
                self._hanging += 1

    def _load(self, reading: _Reading) -> _Views | None:
        with self._lock:
            reading.begun = True
        readers = list(reading.readers)
        try:
            return dict(zip(readers, self._readers.load_all(readers, reading.catalogue), strict=True))
        except StorageError:
            return None if len(readers) > 1 else {}
        except Exception:
            if len(readers) > 1:
                return None
            _log.exception("a reader could not be read")
            return {}
        finally:
            with self._lock:
                reading.ended = True
                self._hanging -= reading.abandoned


def unread(reader: str) -> ReaderView:
    """The view of a reader whose choices cannot be read."""
    nothing_known = Reader(NO_HISTORY, NO_SEEN, UNREADABLE.settings)
    return ReaderView(nothing_known, ReaderRecord(reader), UNREADABLE.audience, UNREADABLE.break_minutes)
