"""Loading: the view of a reader who is not in memory, read from the store, but not waited for beyond its time (law 7).

A reader whose choices cannot be read is served as one who opted out, with sensitive items hidden: nothing personal can
come of what is not known. The reading goes on by itself, so the page after it is the reader's own. A store that hangs
holds so many threads at most; beyond them nobody waits.
"""

from __future__ import annotations

from threading import Lock

import anyio
import anyio.to_thread

from feed.observing.loop_metrics import Count
from feed.readers.choices import UNREADABLE
from feed.readers.states import ReaderStates
from feed.readers.views import ReaderView
from feed.storage.errors import StorageError
from feed.storage.records import ReaderRecord
from ranking.catalogue import Catalogue
from ranking.reader import NO_HISTORY, NO_SEEN, Reader

AT_ONCE = 16
"""Readers that are read from the store at the same time."""


class _Reading:
    """One reading of the store; whichever of page and thread ends first leaves word for the other."""

    __slots__ = ("abandoned", "begun", "ended")

    def __init__(self) -> None:
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

    async def view(self, reader: str, catalogue: Catalogue) -> ReaderView:
        """The reader's view, or that of somebody whose choices cannot be read."""
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(AT_ONCE)
        view: ReaderView | None = None
        # Whoever would stand in line behind readings that hang gets nothing by it.
        if self._hanging < AT_ONCE:
            reading = _Reading()
            with anyio.move_on_after(self._seconds) as waited:
                view = await anyio.to_thread.run_sync(
                    self._load, reading, reader, catalogue, abandon_on_cancel=True, limiter=self._limiter
                )
            if waited.cancelled_caught:
                self._abandon(reading)
        if view is None:
            self._unread.inc()
            return unread(reader)
        return view

    def _abandon(self, reading: _Reading) -> None:
        with self._lock:
            if reading.begun and not reading.ended:
                reading.abandoned = True
                self._hanging += 1

    def _load(self, reading: _Reading, reader: str, catalogue: Catalogue) -> ReaderView | None:
        with self._lock:
            reading.begun = True
        try:
            return self._readers.load(reader, catalogue)
        except StorageError:
            return None
        finally:
            with self._lock:
                reading.ended = True
                self._hanging -= reading.abandoned


def unread(reader: str) -> ReaderView:
    """The view of a reader whose choices cannot be read."""
    nothing_known = Reader(NO_HISTORY, NO_SEEN, UNREADABLE.settings)
    return ReaderView(nothing_known, ReaderRecord(reader), UNREADABLE.audience, UNREADABLE.break_minutes)
