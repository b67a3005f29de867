"""Publisher: turns stored changes into journal editions, at most one a second, keeps the popular lists, and has rows
written for newcomers (law 2); on its thread Restrictions and their statements are derived, too.

One publisher writes at a time: in the serving process when embedded. Lists are recomputed when events came in,
at most every ``popular_every`` seconds, and at once after an erasure (law 8: lists by the next edition).
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from feed.clock import Clock
from feed.control.newcomers import Newcomers
from feed.control.popular_lists import PopularLists
from feed.control.restricting import Restricting
from feed.storage.entries import encode_entries
from feed.storage.errors import StorageError
from feed.storage.ports.store import Store
from ranking.journal import Entry, ListPublished
from ranking.snapshot import Snapshot

_log = structlog.get_logger(__name__)

EDITION_SECONDS = 1.0
EDITION_CHANGES = 20_000
"""Most changes of one edition: folding it must not keep a replica from the ledger for long."""
QUEUE_READ = 512
"""Queued changes among which new items are sought, for the rows that they get in the same edition."""


class Publisher:
    """The one writer of editions, on a thread of its own."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        latest: Callable[[], Snapshot],
        published: Callable[[], None],
        *,
        popular_every: float,
        restricting: Restricting | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._latest = latest
        self._published = published
        self._popular_every = popular_every
        self._restricting = restricting
        self._lists: dict[str, tuple[str, ...]] = {}
        self._popular = PopularLists(store)
        self._newcomers = Newcomers(store, clock)
        self._events_dirty = True
        self._erased = False
        self._listed_at = float("-inf")
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="weir-publisher", daemon=True)

    def start(self) -> None:
        """Start publishing, from the lists that the journal already holds."""
        snapshot = self._latest()
        ids = snapshot.catalogue.ids
        self._lists = {pool: tuple(ids[row] for row in rows) for pool, rows in snapshot.popular.items()}
        self._thread.start()

    def close(self) -> None:
        """Publish what is queued, then stop."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def events_came(self) -> None:
        """Tell that events were stored: the lists are due at their next turn, newcomers' rows with the next edition."""
        self._events_dirty = True
        self._newcomers.events_came()

    def erased(self) -> None:
        """Tell that a reader's events were erased: the lists are due in the next edition."""
        self._events_dirty = True
        self._erased = True
        self._popular.erased()
        self._newcomers.erased()

    def publish(self) -> int:
        """Write an edition if there is anything to say; returns the journal's head."""
        erased = self._erased
        try:
            return self._published_edition()
        except Exception:
            # What was due is due still, an erasure above all.
            self._events_dirty, self._listed_at = True, float("-inf")
            self._erased = self._erased or erased
            self._newcomers.failed()
            raise

    def _published_edition(self) -> int:
        lists = self._changed_lists() if self._lists_due() else []
        before = self._store.journal.head()
        queued = self._store.journal.oldest(QUEUE_READ)
        read = queued.count(b"\n")
        entries: list[Entry] = [*lists, *self._newcomers.entries(queued, self._latest())]
        extra, at = encode_entries(entries), self._clock.now()
        # What is queued from now on waits for the next edition: it is to come with the rows of its new items.
        limit = read if read < QUEUE_READ else EDITION_CHANGES
        head = self._store.journal.publish(extra=extra, at=at, limit=limit).result()
        self._newcomers.published()
        for entry in lists:
            self._lists[entry.pool] = entry.items
        if head != before:
            self._events_dirty = self._events_dirty or read > 0
            self._published()
        return head

    def _lists_due(self) -> bool:
        waited = self._clock.monotonic() - self._listed_at
        return self._events_dirty and (self._erased or waited >= self._popular_every)

    def _changed_lists(self) -> list[ListPublished]:
        self._events_dirty = self._erased = False
        self._listed_at = self._clock.monotonic()
        lists = {entry.pool: entry for entry in self._popular.lists(self._latest().catalogue)}
        gone = [ListPublished("popular", pool, ()) for pool in self._lists if pool not in lists]
        return [*(entry for entry in lists.values() if self._lists.get(entry.pool) != entry.items), *gone]

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait(EDITION_SECONDS)
            self._wake.clear()
            for step in (self.publish, self._restrict):
                try:
                    step()
                except StorageError as error:
                    _log.warning("a turn of the publisher was not written", step=step.__name__, error=str(error))
                except Exception:
                    _log.exception("a turn of the publisher failed; it is tried again", step=step.__name__)

    def _restrict(self) -> None:
        """Derive Restrictions and their statements, for about as long as an edition may wait."""
        if self._restricting is None:
            return
        ends = self._clock.monotonic() + EDITION_SECONDS
        while self._restricting.derive() and not self._closing and self._clock.monotonic() < ends:
            pass
