"""Sharing in memory: the "processes" of one Python process have one hub in common. It fails only when told to.

For tests of several replicas in one process, and for a deployment of one process. Keeps what
``feed.storage.ports.sharing`` promises, as the adapters on Redis do: one contract suite runs on all.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import islice

import structlog

from feed.limits import Buckets
from feed.storage.errors import SharingFailed
from feed.storage.ports.sharing import (
    CONTENT_LIMIT,
    HOLD_SECONDS,
    STATE_LIMIT,
    Mark,
    Message,
    Put,
    Shared,
    Sharing,
)

_log = structlog.get_logger("weir")


@dataclass(slots=True)
class _Kept:
    """What a hub knows of one reader."""

    state: tuple[str, bytes, float] | None = None
    """Generation, state, and the second at which it goes."""
    ticket: str = ""
    holds: int = 0
    held_until: float = 0.0


@dataclass(slots=True)
class _Place:
    """Where a process is among the messages."""

    position: int
    missed: bool = True


class Hub:
    """What several processes share; make one, and a :meth:`sharing` for each."""

    def __init__(
        self,
        *,
        patience: float = 1.0,
        length: int = 10_000,
        lifetime: float = 600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``length`` messages and ``lifetime`` seconds of a state are kept."""
        self.patience = patience
        self.lifetime = lifetime
        self.clock = clock
        self.changed = threading.Condition()
        self.messages: deque[tuple[object, Message]] = deque(maxlen=length)
        self.head = 0
        self.tickets = 0
        self.reachable = True
        self.places: dict[object, _Place] = {}
        self.marks: dict[str, Mark] = {}
        self.kept: dict[str, _Kept] = {}
        self.buckets = Buckets()

    def sharing(self) -> Sharing:
        """What one process shares."""
        return Sharing(MemoryBus(self), MemoryStates(self), self.buckets)

    def cut(self) -> None:
        """Fail everything until :meth:`mend`."""
        with self.changed:
            self.reachable = False

    def mend(self, *, emptied: bool = False) -> None:
        """Work again; everybody is told that they missed something. ``emptied``: states and marks are gone."""
        with self.changed:
            self.reachable = True
            if emptied:
                self.kept.clear()
                self.marks.clear()
            for place in self.places.values():
                place.missed = True
            self.changed.notify_all()

    def check(self) -> None:
        """Raise ``SharingFailed`` while cut."""
        if not self.reachable:
            raise SharingFailed("what the processes share is cut off; mend the hub")


@dataclass(slots=True, eq=False)
class MemoryBus:
    """Fulfils :class:`feed.storage.ports.sharing.Bus`."""

    _hub: Hub
    _name: str = ""
    _revision: int = 0
    _renewed: float | None = None
    _closed: bool = False
    _thread: threading.Thread | None = field(default=None, repr=False)

    @property
    def patience(self) -> float:
        """Seconds after which a process that hears nothing knows that it is cut off."""
        return self._hub.patience

    def start(self, name: str, heard: Callable[[Sequence[Message]], None], lost: Callable[[], None]) -> None:
        """Join, and hear of what others send from now on."""
        self._name = name
        with self._hub.changed:
            self._hub.places[self] = _Place(self._hub.head)
        self._thread = threading.Thread(target=self._listen, args=(heard, lost), name="weir-bus", daemon=True)
        self._thread.start()

    def send(self, messages: Sequence[Message]) -> Future[int]:
        """Send; done at once."""
        for message in messages:
            if len(message.content) > CONTENT_LIMIT:
                raise ValueError(f"a message of {len(message.content)} bytes; the limit is {CONTENT_LIMIT}")
        future: Future[int] = Future()
        with self._hub.changed:
            try:
                self._hub.check()
            except SharingFailed as failure:
                future.set_exception(failure)
                return future
            self._hub.messages.extend((self, message) for message in messages)
            self._hub.head += len(messages)
            future.set_result(self._hub.head)
            self._hub.changed.notify_all()
        return future

    def current(self) -> bool:
        """Whether the thread came to the end of the messages within ``patience``."""
        return self._renewed is not None and time.monotonic() - self._renewed < self._hub.patience

    def acknowledge(self, revision: int) -> None:
        """Tell which revision is obeyed."""
        with self._hub.changed:
            self._revision = max(self._revision, revision)
            self._mark()

    def marks(self) -> Mapping[str, Mark]:
        """How far everybody is."""
        with self._hub.changed:
            self._hub.check()
            return dict(self._hub.marks)

    def close(self) -> None:
        """Leave."""
        with self._hub.changed:
            self._closed = True
            self._hub.places.pop(self, None)
            self._hub.marks.pop(self._name, None)
            self._hub.changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _listen(self, heard: Callable[[Sequence[Message]], None], lost: Callable[[], None]) -> None:
        while True:
            asked = time.monotonic()
            with self._hub.changed:
                self._hub.changed.wait_for(self._due, self._hub.patience / 5)
                if self._closed:
                    return
                if not self._hub.reachable:
                    continue
                place = self._hub.places[self]
                head = self._hub.head
                waiting = head - place.position
                missed = place.missed or waiting > len(self._hub.messages)
                came = [] if missed else self._last(waiting)
                place.missed = False
            try:
                if missed:
                    lost()
                elif came:
                    heard(came)
            except Exception:
                _log.exception("messages_not_taken")
                with self._hub.changed:
                    place.missed = True
                continue
            with self._hub.changed:
                place.position, self._renewed = head, asked
                self._mark()

    def _due(self) -> bool:
        place = self._hub.places.get(self)
        behind = place is not None and (place.missed or place.position < self._hub.head)
        return self._closed or (self._hub.reachable and behind)

    def _last(self, count: int) -> list[Message]:
        messages = self._hub.messages
        newest = islice(messages, len(messages) - count, None)
        return [message for sender, message in newest if sender is not self]

    def _mark(self) -> None:
        place = self._hub.places.get(self)
        if place is not None and self._hub.reachable and self._renewed is not None:
            self._hub.marks[self._name] = Mark(place.position, self._revision)


@dataclass(slots=True)
class MemoryStates:
    """Fulfils :class:`feed.storage.ports.sharing.SharedStates`."""

    _hub: Hub
    _generation: str = ""

    def since(self, generation: str) -> None:
        """Begin anew."""
        self._generation = generation

    def get(self, readers: Sequence[str]) -> list[Shared]:
        """The states, or tickets to put them."""
        return [self._get(reader) for reader in readers]

    def _get(self, reader: str) -> Shared:
        with self._hub.changed:
            kept, now = self._kept(reader), self._hub.clock()
            if kept.state is not None:
                generation, state, until = kept.state
                if generation == self._generation and now < until:
                    return Shared(state)
            if kept.holds and now < kept.held_until:
                return Shared(None)
            kept.holds = 0
            if not kept.ticket:
                self._hub.tickets += 1
                kept.ticket = str(self._hub.tickets)
            return Shared(None, f"{kept.ticket} {self._generation}")

    def put(self, read: Sequence[Put]) -> list[bool]:
        """Keep states whose tickets still hold."""
        return [self._put(*one) for one in read]

    def _put(self, reader: str, state: bytes, ticket: str) -> bool:
        token, _, generation = ticket.partition(" ")
        with self._hub.changed:
            kept = self._kept(reader)
            if not token or token != kept.ticket or len(state) > STATE_LIMIT:
                return False
            kept.state = (generation, state, self._hub.clock() + self._hub.lifetime)
            return True

    def append(self, reader: str, more: bytes) -> None:
        """Add to a state that is there."""
        with self._hub.changed:
            kept = self._kept(reader)
            kept.ticket = ""
            if kept.state is not None:
                generation, state, until = kept.state
                fits = generation == self._generation and len(state) + len(more) <= STATE_LIMIT
                kept.state = (generation, state + more, until) if fits else None

    def hold(self, reader: str) -> None:
        """Let nobody put."""
        with self._hub.changed:
            kept, now = self._kept(reader), self._hub.clock()
            kept.state, kept.ticket = None, ""
            kept.holds = kept.holds + 1 if now < kept.held_until else 1
            kept.held_until = now + HOLD_SECONDS

    def drop(self, readers: Iterable[str]) -> None:
        """Forget states and tickets."""
        with self._hub.changed:
            for reader in readers:
                kept = self._kept(reader)
                kept.state, kept.ticket = None, ""

    def release(self, readers: Iterable[str]) -> None:
        """Let states be put again."""
        with self._hub.changed:
            for reader in readers:
                self.drop([reader])
                kept = self._kept(reader)
                kept.holds = max(kept.holds - 1, 0)

    def _kept(self, reader: str) -> _Kept:
        self._hub.check()
        return self._hub.kept.setdefault(reader, _Kept())
