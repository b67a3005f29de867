"""Reader states: the views of readers in memory, in front of the store (laws 7 and 8).

The store is the truth; a state is built from it on a miss and can be dropped at any time. Events reach a state only
after they are durable. Bounded by number and by bytes: whoever was asked for least recently leaves.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import inf

from feed.readers.choices import read_choices
from feed.readers.consents import Consents
from feed.readers.state import NOBODY, State, hashes
from feed.readers.views import SEEN_LIMIT, ReaderView, view_of, with_events
from feed.readers.weights import event_bytes
from feed.storage.ports.store import Store
from feed.storage.records import EventRecord, Past
from ranking.catalogue import Catalogue

SHARED_SECONDS = 60.0
"""For which a state, or a consent, is kept in memory that other processes change, too."""

PENDING_LIMIT = 2 * SEEN_LIMIT
"""Events that wait for their reader to ask for a page; with more of them the state is read anew."""

_TOLD_LATE = 200
"""Newest events of a state that other processes may still tell of."""


class ReaderStates:
    """States of the most recently active readers; thread-safe."""

    def __init__(
        self,
        store: Store,
        capacity: int = 200_000,
        *,
        memory: int = 1 << 30,
        read: Callable[[Sequence[str], int], list[Past]] | None = None,
        trusted: Callable[[], bool] | None = None,
        monotonic: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """At most ``capacity`` states of about ``memory`` bytes in all. Where other processes serve the same readers,
        ``read`` reads what they share, and what is in memory counts only while it may be ``trusted``: others then tell
        of what they store. One that dies before it could tell is found out by reading again after SHARED_SECONDS of
        ``monotonic``."""
        self._store = store
        self._read = read
        self._trusted = trusted or (lambda: True)
        self._told = trusted is not None
        self._seconds = SHARED_SECONDS if self._told else inf
        self._monotonic = monotonic
        self._capacity = capacity
        self._memory = memory
        self._bytes = 0
        self._states: OrderedDict[str, State] = OrderedDict()
        self._loading: dict[str, list[EventRecord]] = {}
        self._receiving: list[frozenset[str]] = []
        self._consents = Consents(capacity, self._seconds)
        self._changes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._states)

    @property
    def bytes(self) -> int:
        """Bytes that the states take, worked out from what they hold."""
        return self._bytes

    def cached(self, reader: str, catalogue: Catalogue) -> ReaderView | None:
        """The view of a reader whose state is in memory, else None (then call :meth:`load` in a thread)."""
        if not self._trusted():
            return None
        with self._lock:
            state = self._states.get(reader)
            if state is None:
                return None
            if self._monotonic() > state.until:
                self._drop(reader)
                return None
            self._states.move_to_end(reader)
            if state.pending or (state.waiting and catalogue.rows > state.rows):
                self._absorb(state, catalogue)
            return state.view

    def load(self, reader: str, catalogue: Catalogue) -> ReaderView:
        """The view of a reader, read from the store when it is not in memory. Blocks on the store."""
        return self.load_all([reader], catalogue)[0]

    def load_all(self, readers: Sequence[str], catalogue: Catalogue) -> list[ReaderView]:
        """The views of readers, in their order; those that are not in memory are read at once. Blocks on the store."""
        found: dict[str, ReaderView] = {}
        while missing := self._missing(readers, found, catalogue):
            with self._lock:
                arrived = [self._loading.setdefault(reader, []) for reader in missing]
            trusted, until = self._trusted(), self._monotonic() + self._seconds
            try:
                pasts = (self._read or self._store.readers.pasts)(missing, SEEN_LIMIT)
            except BaseException:
                with self._lock:
                    for reader in missing:
                        self._loading.pop(reader, None)
                raise
            # Made before the lock is taken, for which pages wait.
            seen = [with_events(view_of(saved), events, catalogue) for saved, events in pasts]
            made = [State(view, waiting, catalogue.rows, until) for view, waiting in seen]
            with self._lock:
                for reader, (_, events), state, late in zip(missing, pasts, made, arrived, strict=True):
                    # Who was read by somebody else meanwhile, or changed, is looked at again.
                    if self._loading.get(reader) is late:
                        del self._loading[reader]
                        self._meet(reader, state, events, late)
                        if late:
                            self._absorb(state, catalogue)
                        if trusted:
                            self._keep(reader, state)
                        found[reader] = state.view
        return [found[reader] for reader in readers]

    def _missing(self, readers: Sequence[str], found: dict[str, ReaderView], catalogue: Catalogue) -> list[str]:
        missing = []
        for reader in dict.fromkeys(readers):
            if reader not in found:
                view = self.cached(reader, catalogue)
                if view is None:
                    missing.append(reader)
                else:
                    found[reader] = view
        return missing

    def _meet(self, reader: str, state: State, read: list[EventRecord], arrived: list[EventRecord]) -> None:
        """Let a state that was read meet the events that were told of meanwhile: each counts once."""
        if self._receives(reader):
            state.known = hashes(read)
        elif self._told:
            # What is told of late may have been read already.
            state.known = hashes(read[-_TOLD_LATE:])
        if arrived:
            known = {event.client_id for event in read}
            state.pending = [event for event in arrived if event.client_id not in known]

    def _keep(self, reader: str, state: State) -> None:
        self._drop(reader)
        # The key is the record's own text, which is held anyway.
        self._states[state.view.record.reader] = state
        state.bytes = state.weight()
        self._bytes += state.bytes
        self._shrink()

    def _absorb(self, state: State, catalogue: Catalogue) -> None:
        """Let what waits count, in the order in which it came; events on items without a row go on waiting for it."""
        events = [*state.waiting, *(state.pending or ())]
        state.view, state.waiting = with_events(state.view, events, catalogue)
        state.pending, state.rows = None, catalogue.rows
        if state.bytes:
            self._bytes -= state.bytes
            state.bytes = state.weight()
            self._bytes += state.bytes
            self._shrink()

    def _shrink(self) -> None:
        while len(self._states) > self._capacity or self._bytes > self._memory:
            _, state = self._states.popitem(last=False)
            self._bytes -= state.bytes

    def _drop(self, reader: str) -> None:
        state = self._states.pop(reader, None)
        if state is not None:
            self._bytes -= state.bytes

    def get(self, reader: str, catalogue: Catalogue) -> ReaderView:
        """The view of a reader, from memory or the store."""
        return self.cached(reader, catalogue) or self.load(reader, catalogue)

    def consents(self, readers: Collection[str]) -> dict[str, bool]:
        """Whether each reader has personalization on, without building states. Blocks on the store for unknown ones."""
        known = self.consents_in_memory(readers)
        missing = [reader for reader, consent in known.items() if consent is None]
        changes, read_at = self._changes, self._monotonic()
        saved = self._store.readers.known(missing) if missing else {}
        read = dict.fromkeys(missing, True) | {
            reader: read_choices(record.settings).settings.personalization for reader, record in saved.items()
        }
        with self._lock:
            # What was read while somebody's settings changed may be old, and is not remembered.
            if changes == self._changes:
                self._consents.remember(read, read_at)
        return {reader: read[reader] if consent is None else consent for reader, consent in known.items()}

    def consents_in_memory(self, readers: Collection[str]) -> dict[str, bool | None]:
        """Whether each reader has personalization on; None where memory does not tell. Never blocks on the store."""
        if not self._trusted():
            return dict.fromkeys(readers)
        with self._lock:
            now = self._monotonic()
            known = {reader: self._consents.of(reader, now) for reader in readers}
            for reader in self._states.keys() & known.keys():
                state = self._states[reader]
                if now <= state.until:
                    known[reader] = state.view.personalized
        return known

    @contextmanager
    def receiving(self, readers: Iterable[str]) -> Iterator[None]:
        """Hold this while events of these readers are stored and then applied: a state that is read from the store in
        between has them already, and remembers which. If it ends by an exception, nobody knows what was stored, and
        the states are read anew."""
        batch = frozenset(readers)
        with self._lock:
            self._receiving.append(batch)
        try:
            yield
        except BaseException:
            for reader in batch:
                self.invalidate(reader)
            raise
        finally:
            with self._lock:
                self._receiving.remove(batch)
                if not self._told:
                    self._received(batch)

    def _received(self, readers: frozenset[str]) -> None:
        for reader in self._states.keys() & readers:
            state = self._states[reader]
            if state.known.size and not self._receives(reader):
                self._bytes -= state.known.nbytes
                state.bytes -= state.known.nbytes
                state.known = NOBODY

    def _receives(self, reader: str) -> bool:
        return any(reader in batch for batch in self._receiving)

    def apply(self, events: Iterable[EventRecord]) -> None:
        """Let durable events count from the next request on; within :meth:`receiving`."""
        with self._lock:
            for event in events:
                state = self._states.get(event.reader)
                if state is not None:
                    self._append(state, event)
                elif event.reader in self._loading:
                    self._loading[event.reader].append(event)
            self._shrink()

    def _append(self, state: State, event: EventRecord) -> None:
        if (state.known == hash(event.client_id)).any():
            return
        state.pending = state.pending or []
        state.pending.append(event)
        size = event_bytes(event)
        state.bytes += size
        self._bytes += size
        if len(state.pending) > PENDING_LIMIT:
            self._drop(event.reader)

    def invalidate(self, reader: str) -> None:
        """Forget a reader's state; the next request reads the store (after settings, erasure or history changed)."""
        with self._lock:
            self._changes += 1
            self._drop(reader)
            self._loading.pop(reader, None)
            self._consents.forget(reader)

    def clear(self) -> None:
        """Forget every state: nobody knows what changed."""
        with self._lock:
            self._changes += 1
            self._states.clear()
            self._bytes = 0
            self._loading.clear()
            self._consents.clear()
