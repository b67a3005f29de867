"""Newcomers: what the publisher adds to an edition for items that the active model does not know (laws 2, 7 and 8).

An item's first row is in the edition that publishes the item. Later rows follow from the events that count, read anew
each time: whoever opted out or was erased is not among them, so nothing of theirs has to be taken back by hand.
"""

from __future__ import annotations

from itertools import compress

import numpy as np
from numpy.typing import NDArray

from feed.clock import Clock
from feed.storage.entries import decode_lines
from feed.storage.ports.store import Store
from ranking.fold import EXPLORATION
from ranking.growth import known_to
from ranking.journal import Entry, ItemPublished, ListPublished, RowGrown
from ranking.newcomers import EXPLORED_AT_ONCE, Voices, rows_by_likeness, rows_by_readers, worth_exploring
from ranking.snapshot import Snapshot

GROWN_AN_EDITION = 256
"""Rows of one edition at most; the others wait for the next."""

NEW_SECONDS = 2 * 86_400
"""An item published longer ago than this, by an import say, gets no row before its first readers."""

_HEARD = 20_000
"""Newest events that are read in the ordinary; after an erasure ten times as many."""

_PAUSE = 10
"""Events are read again after so many times the time that it took: at most a tenth of this thread's time."""

_COARSE = 16
"""From so many readers on, a row is written again only when a quarter more were heard."""


class Newcomers:
    """One for a publisher: remembers how many readers were heard on an item when its row was written."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._dirty = True
        self._erased = False
        self._not_before = float("-inf")
        self._heard: dict[str, int] = {}
        self._told: dict[str, int] = {}
        """What ``_heard`` gains once the edition is published."""
        self._by_row: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        """Readers heard on each row when events were last read."""

    def events_came(self) -> None:
        """Tell that events were stored, or that their reader's consent changed."""
        self._dirty = True

    def erased(self) -> None:
        """Tell that events were erased."""
        self._erased = self._dirty = True

    def published(self) -> None:
        """Tell that the entries last made are in the journal."""
        self._heard |= self._told
        self._told = {}

    def failed(self) -> None:
        """Tell that they are not: what was due is due still, erasures too."""
        self._told, self._not_before = {}, float("-inf")
        self.erased()

    def entries(self, queued: bytes, snapshot: Snapshot) -> list[Entry]:
        """What an edition gains that publishes the ``queued`` lines after the snapshot's edition: rows, and the list of
        what is worth exploring if it changed."""
        new = self._new(queued, snapshot)
        rows = rows_by_likeness(new, snapshot.catalogue, snapshot.popular)
        rows += self._by_readers(snapshot, GROWN_AN_EDITION - len(rows))
        return [*rows, *self._exploration(new, snapshot)]

    def _exploration(self, new: list[ItemPublished], snapshot: Snapshot) -> list[Entry]:
        newest = [item.id for item in sorted(new, key=lambda item: item.published_at)[::-1]]
        known = worth_exploring(snapshot.catalogue, snapshot.graph, self._by_row)
        wanted = tuple(newest + known)[:EXPLORED_AT_ONCE]
        listed = snapshot.exploration.get("home", ())
        if wanted == tuple(snapshot.catalogue.ids[row] for row in listed):
            return []
        return [ListPublished(EXPLORATION, "home", wanted)]

    def _new(self, queued: bytes, snapshot: Snapshot) -> list[ItemPublished]:
        """The newest of the queued items that nobody could know so far."""
        since, row_of = self._clock.now() - NEW_SECONDS, snapshot.catalogue.row_of
        published = [entry for entry in decode_lines(queued) if isinstance(entry, ItemPublished)] if queued else []
        new = {entry.id: entry for entry in published if entry.published_at >= since and row_of(entry.id) < 0}
        return list(new.values())[-GROWN_AN_EDITION:]

    def _by_readers(self, snapshot: Snapshot, limit: int) -> list[RowGrown]:
        """The rows that readers were newly heard on, or no longer."""
        began = self._clock.monotonic()
        if not self._dirty or began < self._not_before:
            return []
        # Set before the events are read: what is told from now on is read next time.
        erased, self._dirty, self._erased = self._erased, False, False
        newest = 10 * _HEARD if erased else _HEARD
        voices, cut = self._voices(snapshot, newest)
        heard = self._by_row = voices.heard(snapshot.catalogue.rows)
        due = self._due(snapshot, heard, shrunk=erased or not cut)
        if due.size > limit:
            self._dirty, self._erased, due = True, erased, due[:limit]
        grown = rows_by_readers(voices, due, snapshot.catalogue, snapshot.popular) if due.size else []
        for entry, row in zip(grown, due.tolist(), strict=True):
            self._told[entry.item] = int(heard[row])
        self._not_before = began + _PAUSE * (self._clock.monotonic() - began)
        return grown

    def _voices(self, snapshot: Snapshot, newest: int) -> tuple[Voices, bool]:
        """The voices among the newest events that count, and whether there are older ones."""
        columns = self._store.events.columns(newest=newest)
        row_of = snapshot.catalogue.row_of
        rows = np.fromiter(map(row_of, columns.item_ids), np.int32, len(columns.item_ids))
        voices = Voices.of(columns.readers, rows[columns.items], columns.kinds)
        return voices, columns.items.size >= newest

    def _due(self, snapshot: Snapshot, heard: NDArray[np.int64], *, shrunk: bool) -> NDArray[np.int32]:
        """int32[n]: rows to be written, those first that never were, then the newest. With ``shrunk``, also those on
        which fewer readers were heard than when they were written."""
        catalogue, graph = snapshot.catalogue, snapshot.graph
        rows = np.fromiter(map(catalogue.row_of, self._heard), np.int32, len(self._heard))
        counts = np.fromiter(self._heard.values(), np.int64, len(self._heard))
        still = (counts > 0) & ~known_to(graph, rows)
        self._heard = dict(compress(self._heard.items(), still.tolist()))
        written = np.zeros(catalogue.rows, dtype=np.int64)
        written[rows[still]] = counts[still]
        grew = (heard > written) & ((written < _COARSE) | (4 * heard >= 5 * written))
        changed = np.flatnonzero(grew | ((heard < written) & shrunk)).astype(np.int32)
        due = changed[~known_to(graph, changed) & ~catalogue.gone[changed]]
        return due[np.lexsort((-due, written[due] > 0))]
