"""Reader states: bounded history, Seen and settings of readers, in memory in front of the store (laws 7 and 8).

The store is the truth; a state is built from it on a miss and can be dropped at any time. Events reach a state only
after they are durable. With personalization off, or settings that cannot be read, a state shows neither history
nor Seen.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from controls.scopes import Audience
from feed.readers.choices import ReaderChoices, read_choices
from feed.storage.ports.store import Store
from feed.storage.records import EventRecord, ReaderRecord
from ranking.catalogue import Catalogue
from ranking.reader import CONSUMED, NO_HISTORY, NO_SEEN, EventKind, Reader

HISTORY_LIMIT = 200
"""Newest history entries kept of a reader; ``Parameters.history`` of them vote."""

SEEN_LIMIT = 2000
"""Items whose impressions or consumption are remembered."""

SHARED_SECONDS = 60.0
"""For which a state is kept in memory that other processes change, too."""

_TOLD_LATE = 200
"""Newest events of a state that other processes may still tell of."""

_CONSUMING = frozenset(
    (EventKind.CLICK, EventKind.DWELL, EventKind.LIKE, EventKind.SHARE, EventKind.MORE, EventKind.LESS)
)


@dataclass(frozen=True, slots=True)
class ReaderView:
    """A reader as one request sees it: what ranking may know, the stored record, the stored audience, and the minutes
    of a session after which the reader wants to be told, 0 for never."""

    reader: Reader
    record: ReaderRecord
    audience: Audience
    break_minutes: int = 0

    @property
    def personalized(self) -> bool:
        """Whether this reader has personalization on."""
        return self.reader.settings.personalization


@dataclass(slots=True)
class _State:
    record: ReaderRecord
    choices: ReaderChoices
    history: NDArray[np.int64] = field(default_factory=lambda: NO_HISTORY)
    seen: dict[int, int] = field(default_factory=dict)
    pending: list[EventRecord] = field(default_factory=list)
    waiting: list[EventRecord] = field(default_factory=list)
    """Events on items that had no row yet when the catalogue had ``rows`` of them."""
    rows: int = 0
    known: frozenset[str] = frozenset()
    """Client ids that the state was built with, while events are being stored that may be among them."""
    until: float = 0.0
    view: ReaderView | None = None


class ReaderStates:
    """States of the most recently active readers; thread-safe."""

    def __init__(
        self,
        store: Store,
        capacity: int = 200_000,
        *,
        read: Callable[[str, int], tuple[ReaderRecord, list[EventRecord]]] | None = None,
        trusted: Callable[[], bool] | None = None,
        monotonic: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Where other processes serve the same readers, ``read`` reads what they share, and what is in memory counts
        only while it may be ``trusted``: others then tell of what they store. One that dies before it could tell is
        found out by reading again after SHARED_SECONDS of ``monotonic``."""
        self._store = store
        self._read = read or self._stored
        self._trusted = trusted or (lambda: True)
        self._told = trusted is not None
        self._monotonic = monotonic
        self._capacity = capacity
        self._states: OrderedDict[str, _State] = OrderedDict()
        self._loading: dict[str, list[EventRecord]] = {}
        self._receiving: Counter[str] = Counter()
        self._consents: dict[str, bool] = {}
        self._changes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._states)

    def cached(self, reader: str, catalogue: Catalogue) -> ReaderView | None:
        """The view of a reader whose state is in memory, else None (then call :meth:`load` in a thread)."""
        if not self._trusted():
            return None
        with self._lock:
            state = self._states.get(reader)
            if state is None:
                return None
            if self._told and self._monotonic() > state.until:
                del self._states[reader]
                return None
            self._states.move_to_end(reader)
            return _seen_by(state, catalogue)

    def load(self, reader: str, catalogue: Catalogue) -> ReaderView:
        """The view of a reader, read from the store when it is not in memory. Blocks on the store."""
        while True:
            view = self.cached(reader, catalogue)
            if view is not None:
                return view
            with self._lock:
                arrived = self._loading.setdefault(reader, [])
            trusted = self._trusted()
            record, events = self._read(reader, SEEN_LIMIT)
            known = {event.client_id for event in events}
            with self._lock:
                if self._loading.get(reader) is not arrived:
                    continue
                del self._loading[reader]
                state = _state(record)
                state.until = self._monotonic() + SHARED_SECONDS
                if reader in self._receiving:
                    state.known = frozenset(known)
                elif self._told:
                    # What is told of late may have been read already.
                    state.known = frozenset(event.client_id for event in events[-_TOLD_LATE:])
                state.pending = [*events, *(event for event in arrived if event.client_id not in known)]
                if not trusted:
                    return _seen_by(state, catalogue)
                self._states[reader] = state
                while len(self._states) > self._capacity:
                    self._states.popitem(last=False)

    def _stored(self, reader: str, limit: int) -> tuple[ReaderRecord, list[EventRecord]]:
        return self._store.readers.get(reader), self._store.events.of_reader(reader, limit)

    def get(self, reader: str, catalogue: Catalogue) -> ReaderView:
        """The view of a reader, from memory or the store."""
        return self.cached(reader, catalogue) or self.load(reader, catalogue)

    def consents(self, readers: Iterable[str]) -> dict[str, bool]:
        """Whether each reader has personalization on, without building states. Blocks on the store for unknown ones."""
        trusted = self._trusted()
        with self._lock:
            known = {reader: self._consent(reader) if trusted else None for reader in readers}
            changes = self._changes
        missing = [reader for reader, consent in known.items() if consent is None]
        saved = self._store.readers.known(missing) if missing else {}
        read = dict.fromkeys(missing, True) | {
            reader: read_choices(record.settings).settings.personalization for reader, record in saved.items()
        }
        with self._lock:
            # What was read while somebody's settings changed may be old, and is not remembered.
            if changes == self._changes:
                self._consents.update(read)
            while len(self._consents) > self._capacity:
                del self._consents[next(iter(self._consents))]
        return {reader: read[reader] if consent is None else consent for reader, consent in known.items()}

    def _consent(self, reader: str) -> bool | None:
        state = self._states.get(reader)
        return self._consents.get(reader) if state is None else state.choices.settings.personalization

    @contextmanager
    def receiving(self, readers: Iterable[str]) -> Iterator[None]:
        """Hold this while events of these readers are stored and then applied: a state that is read from the store in
        between has them already, and remembers which. If it ends by an exception, nobody knows what was stored, and
        the states are read anew."""
        readers = set(readers)
        with self._lock:
            self._receiving.update(readers)
        try:
            yield
        except BaseException:
            for reader in readers:
                self.invalidate(reader)
            raise
        finally:
            with self._lock:
                self._received(readers)

    def _received(self, readers: Iterable[str]) -> None:
        for reader in readers:
            self._receiving[reader] -= 1
            if not self._receiving[reader]:
                del self._receiving[reader]
                state = self._states.get(reader)
                if state is not None and not self._told:
                    state.known = frozenset()

    def apply(self, events: Iterable[EventRecord]) -> None:
        """Let durable events count from the next request on; within :meth:`receiving`."""
        with self._lock:
            for event in events:
                state = self._states.get(event.reader)
                if state is not None:
                    if event.client_id not in state.known:
                        state.pending.append(event)
                elif event.reader in self._loading:
                    self._loading[event.reader].append(event)

    def invalidate(self, reader: str) -> None:
        """Forget a reader's state; the next request reads the store (after settings, erasure or history changed)."""
        with self._lock:
            self._changes += 1
            self._states.pop(reader, None)
            self._loading.pop(reader, None)
            self._consents.pop(reader, None)

    def clear(self) -> None:
        """Forget every state: nobody knows what changed."""
        with self._lock:
            self._changes += 1
            self._states.clear()
            self._loading.clear()
            self._consents.clear()


def _state(record: ReaderRecord) -> _State:
    return _State(record, read_choices(record.settings))


def _seen_by(state: _State, catalogue: Catalogue) -> ReaderView:
    """The view of a state, with what came since it was last asked for."""
    if state.pending or (state.waiting and catalogue.rows > state.rows):
        _absorb(state, catalogue)
        state.view = None
    if state.view is None:
        state.view = _view(state)
    return state.view


def _absorb(state: _State, catalogue: Catalogue) -> None:
    """Let what waits count, in the order in which it came; events on items without a row go on waiting for it."""
    events = [*state.waiting, *state.pending]
    state.pending, state.waiting, state.rows = [], [], catalogue.rows
    entries: list[tuple[int, int, int]] = []
    for event in events:
        if not event.consented:
            continue
        row = catalogue.row_of(event.item)
        if row < 0:
            state.waiting.append(event)
            continue
        kind = event.kind
        earlier = state.seen.pop(row, 0)
        if kind == EventKind.IMPRESSION:
            state.seen[row] = earlier if earlier == CONSUMED else earlier + 1
            continue
        entries.append((row, event.occurred_at, kind))
        state.seen[row] = CONSUMED if kind in _CONSUMING else earlier
    del state.waiting[:-SEEN_LIMIT]
    while len(state.seen) > SEEN_LIMIT:
        del state.seen[next(iter(state.seen))]
    if entries:
        history = np.concatenate([state.history, np.array(entries, dtype=np.int64)])
        history = history[np.argsort(history[:, 1], kind="stable")][-HISTORY_LIMIT:]
        history.setflags(write=False)
        state.history = history


def _view(state: _State) -> ReaderView:
    settings, audience, break_minutes = state.choices.settings, state.choices.audience, state.choices.break_minutes
    if not settings.personalization:
        return ReaderView(Reader(NO_HISTORY, NO_SEEN, settings), state.record, audience, break_minutes)
    seen = np.array([(row, count) for row, count in state.seen.items() if count], dtype=np.int32).reshape(-1, 2)
    seen.setflags(write=False)
    return ReaderView(Reader(state.history, seen, settings), state.record, audience, break_minutes)
