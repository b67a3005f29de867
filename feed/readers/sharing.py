"""What processes tell each other of readers, so that a choice holds on the next page, whoever makes it (laws 7 and 8).

A change of settings, or an erasure, is over when every process that may serve has dropped what it remembered: it has
heard the message, or hears nothing and therefore trusts its memory no longer, or its lease has lapsed. Where the
message cannot be sent, the store says that all is to be forgotten; each process reads that before it confirms its
lease. New events are told, too, and waited for a moment only.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager, suppress
from secrets import token_hex

import orjson
import structlog

from feed.clock import Clock
from feed.control.barrier import Barrier
from feed.readers.states import ReaderStates
from feed.storage.errors import SharingFailed
from feed.storage.ports.sharing import CONTENT_LIMIT, Message, Put, Shared, Sharing, Topic
from feed.storage.ports.store import Store
from feed.storage.records import EventRecord, Past, ReaderRecord
from feed.storage.register import Entry

_log = structlog.get_logger("weir")

EVENTS_SECONDS = 0.05
"""Longest wait for other processes to hear of new events."""

_REGISTER, _ENTRY = "places", "generation"
_SEND_SECONDS = 1.0
_FORGET_SECONDS = 1.0
_APPENDED = 16
"""Readers of one batch whose shared states are added to; of longer batches they are dropped."""


class ReaderSharing:
    """What one process tells and hears. Everything but :meth:`trusted` blocks."""

    def __init__(self, store: Store, sharing: Sharing | None, barrier: Barrier, clock: Clock, *, lease: float) -> None:
        self._store = store
        self._clock = clock
        self._forgotten_at = float("-inf")
        self._sharing = sharing
        self._barrier = barrier
        self._lease = lease
        self._generation: str | None = None
        self._renewing = threading.Lock()
        self._states: ReaderStates | None = None

    def serve(self, states: ReaderStates) -> None:
        """Take the states that this process remembers."""
        self._states = states

    @property
    def shared(self) -> bool:
        """Whether there are other processes to be told."""
        return self._sharing is not None

    def trusted(self) -> bool:
        """Whether what this process remembers of readers may be used without asking."""
        return self._sharing is None or self._sharing.bus.current()

    def read(self, readers: Sequence[str], limit: int) -> list[Past]:
        """Each reader's settings and newest events, from what is shared or from the store."""
        sharing = self._sharing
        if sharing is None or not sharing.bus.current():
            return self._store.readers.pasts(readers, limit)
        try:
            shared = dict(zip(readers, sharing.states.get(readers), strict=True))
        except SharingFailed:
            return self._store.readers.pasts(readers, limit)
        found = _known(sharing, shared, limit)
        missing = [reader for reader in readers if reader not in found]
        if missing:
            stored = dict(zip(missing, self._store.readers.pasts(missing, limit), strict=True))
            put = [
                Put(reader, _encoded(*past), shared[reader].ticket)
                for reader, past in stored.items()
                if shared[reader].ticket
            ]
            with suppress(SharingFailed):
                sharing.states.put(put)
            found |= stored
        return [found[reader] for reader in readers]

    @contextmanager
    def changing(self, reader: str, topic: Topic = Topic.READER) -> Iterator[None]:
        """Change in the store, within this, what pages know of a reader; afterwards no process remembers what was."""
        sharing = self._sharing
        if sharing is not None:
            with suppress(SharingFailed):
                sharing.states.hold(reader)
        try:
            yield
        finally:
            if self._states is not None:
                self._states.invalidate(reader)
            if sharing is not None:
                self._tell_change(sharing, reader, topic)

    def _tell_change(self, sharing: Sharing, reader: str, topic: Topic) -> None:
        try:
            sharing.states.release([reader])
            position = _sent(sharing.bus.send([Message(topic, reader)]))
        except SharingFailed as failure:
            _log.warning("what is remembered of readers is forgotten everywhere", why=str(failure))
            self._forget_everything()
            return
        if self._barrier.heard(position, sharing.bus.patience):
            # Who has not heard by now is gone, or hears another bus.
            self._forget_everything()

    def _forget_everything(self) -> None:
        self._begin_anew().result()
        self.renew()
        self._barrier.confirmed_twice(self._lease)

    def forget_all(self) -> None:
        """Have every process forget the readers that it remembers: events were let go, and nobody was told whose."""
        if self._sharing is not None:
            self._forget_everything()
        elif self._states is not None:
            self._states.clear()

    def _forget_soon(self) -> None:
        """The same, at most once a second and without waiting: where all are cut off, nobody trusts what they remember
        anyway."""
        now = self._clock.monotonic()
        if now - self._forgotten_at >= _FORGET_SECONDS:
            self._forgotten_at = now
            self._begin_anew()

    def _begin_anew(self) -> Future[list[Entry]]:
        mine = token_hex(8)
        return self._store.register(_REGISTER).edit([_ENTRY], lambda stored: [Entry(_ENTRY, mine)])

    def renew(self) -> None:
        """Look whether all is to be forgotten; called before each confirmation of the lease."""
        if self._sharing is None:
            return
        # One at a time: what was read before must not be taken after what was read later.
        with self._renewing:
            entry = self._store.register(_REGISTER).get(_ENTRY)
            generation = "" if entry is None else entry.content
            if generation != self._generation:
                self._generation = generation
                self._sharing.states.since(generation)
                if self._states is not None:
                    self._states.clear()

    def returned(self) -> None:
        """Begin anew after the lease had lapsed: nobody waited for this process to hear of changes. Called between the
        confirmation by which others wait for it again and the first page."""
        if self._sharing is not None and self._states is not None:
            self._states.clear()
            self.renew()

    def told(self, accepted: Sequence[EventRecord], changed: Iterable[str], again: Iterable[str]) -> None:
        """Tell of events that were stored; of the readers whose settings they ``changed``; and of those who sent events
        ``again``, of which others may not have been told."""
        sharing = self._sharing
        if sharing is None:
            return
        changed = {*changed, *again}
        messages = [Message(Topic.READER, reader) for reader in changed]
        try:
            self._share(sharing, accepted, changed)
            messages += _messages(accepted)
            position = _sent(sharing.bus.send(messages)) if messages else 0
        except SharingFailed:
            if changed:
                self._forget_everything()
            else:
                self._forget_soon()
            return
        if changed:
            if self._barrier.heard(position, sharing.bus.patience):
                self._forget_everything()
        elif messages:
            self._barrier.heard_lately(position, EVENTS_SECONDS)

    def _share(self, sharing: Sharing, accepted: Sequence[EventRecord], dropped: set[str]) -> None:
        by_reader: dict[str, list[EventRecord]] = {}
        for event in accepted:
            by_reader.setdefault(event.reader, []).append(event)
        if len(by_reader) > _APPENDED:
            dropped |= set(by_reader)
        for reader, events in by_reader.items():
            if reader not in dropped:
                sharing.states.append(reader, b"".join(map(_line, events)))
        if dropped:
            sharing.states.drop(dropped)


def _known(sharing: Sharing, shared: Mapping[str, Shared], limit: int) -> dict[str, Past]:
    """The readers whose shared states can be read; spoilt ones are dropped."""
    found: dict[str, Past] = {}
    for reader, one in shared.items():
        if one.state is not None:
            try:
                found[reader] = _decoded(reader, one.state, limit)
            except (ValueError, TypeError) as spoilt:
                _log.warning("a shared state was spoilt and is dropped", why=str(spoilt))
                with suppress(SharingFailed):
                    sharing.states.drop([reader])
    return found


def events_of(message: Message) -> list[EventRecord]:
    """The events that a message tells of."""
    return [EventRecord(message.key, *orjson.loads(line)) for line in message.content.splitlines()]


def _sent(future: Future[int]) -> int:
    try:
        return future.result(_SEND_SECONDS)
    except FutureTimeout:
        raise SharingFailed("the message was not sent in time") from None


def _messages(events: Sequence[EventRecord]) -> list[Message]:
    """Messages of bounded length, in order for each reader."""
    parts: dict[str, list[bytes]] = {}
    made: list[Message] = []
    for event in events:
        line = _line(event)
        mine = parts.setdefault(event.reader, [])
        if sum(map(len, mine)) + len(line) > CONTENT_LIMIT:
            made.append(Message(Topic.EVENTS, event.reader, b"".join(mine)))
            mine.clear()
        mine.append(line)
    return made + [Message(Topic.EVENTS, reader, b"".join(mine)) for reader, mine in parts.items()]


def _line(event: EventRecord) -> bytes:
    return orjson.dumps(event[1:], option=orjson.OPT_APPEND_NEWLINE)


def _encoded(record: ReaderRecord, events: Sequence[EventRecord]) -> bytes:
    head = orjson.dumps([record.settings, record.version, record.updated_at], option=orjson.OPT_APPEND_NEWLINE)
    return head + b"".join(map(_line, events))


def _decoded(reader: str, state: bytes, limit: int) -> Past:
    head, *lines = state.splitlines()
    events = {event.client_id: event for event in (EventRecord(reader, *orjson.loads(line)) for line in lines)}
    return ReaderRecord(reader, *orjson.loads(head)), list(events.values())[-limit:]
