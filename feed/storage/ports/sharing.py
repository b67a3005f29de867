"""Sharing: what the processes of one deployment have in common beside the store, so that they are quick.

The store stays the truth: whatever is here may be lost, emptied or unreachable at any time, and then the service is
slower and no less right. Every adapter passes one contract suite (``tests/contracts``); calls block unless they say
otherwise, and may be made from any thread. What cannot be reached raises ``SharingFailed``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from feed.limits import Allowance, Rate

CONTENT_LIMIT = 16 << 10
"""Longest content of a message in bytes; say of longer things only that they are there."""

STATE_LIMIT = 256 << 10
"""Longest shared state in bytes; longer ones are not kept."""

HOLD_SECONDS = 10.0
"""Seconds after which a reader that nobody released is held no longer."""


class Topic(StrEnum):
    """What a message is about."""

    LEDGER = "ledger"
    """The ledger has grown; ``key`` is the revision."""
    JOURNAL = "journal"
    """The journal has grown; ``key`` is the edition."""
    READER = "reader"
    """A reader's settings or history changed other than by new events; ``key`` is the reader."""
    EVENTS = "events"
    """Events of a reader were stored; ``key`` is the reader, ``content`` the encoded events."""
    ERASED = "erased"
    """A reader's events were deleted; ``key`` is the reader."""
    TOLD = "told"
    """A correction reached a reader; ``key`` is the reader, ``content`` the decision."""


@dataclass(frozen=True, slots=True)
class Message:
    """What one process tells the others. A wake-up only wakes: a ``key`` never decides anything. ``content`` has at
    most ``CONTENT_LIMIT`` bytes."""

    topic: Topic
    key: str
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far one process is: the ``position`` up to which it has heard, and the ``revision`` that it obeys."""

    position: int
    revision: int


class Bus(Protocol):
    """Messages among the processes of a deployment, in one order for all, none lost without a word."""

    def start(self, name: str, heard: Callable[[Sequence[Message]], None], lost: Callable[[], None]) -> None:
        """Join as the process of this name, and call ``heard`` with every message that *others* send from now on, in
        order, on a thread of the bus. ``lost`` is called there when messages may have been missed: after the first
        connection, and after any break that cannot be made good. Returns at once; reaching the others may take time.
        What either raises is logged, and taken for messages that were missed."""
        ...

    def send(self, messages: Sequence[Message]) -> Future[int]:
        """Send, without blocking; the position of the last message, once every other process will hear it or be told
        that it lost it. Many callers' messages go together. Fails with ``SharingFailed``; then the others may hear
        it or not, and are told that they lost something as soon as they can be reached."""
        ...

    def current(self) -> bool:
        """Whether this process has surely heard whatever was sent more than ``patience`` seconds ago; never blocks."""
        ...

    @property
    def patience(self) -> float:
        """Seconds after which a process that hears nothing knows that it is cut off."""
        ...

    def acknowledge(self, revision: int) -> None:
        """Tell the others, soon, that this process obeys a revision; never blocks, and never raises. The mark keeps the
        highest one."""
        ...

    def marks(self) -> Mapping[str, Mark]:
        """How far each process is that was heard of lately, this one included; a process that has left is not. May be
        asked often: callers at the same time share one answer, which is at most 2 ms old."""
        ...

    def close(self) -> None:
        """Send what waits, leave, and stop."""
        ...


@dataclass(frozen=True, slots=True)
class Shared:
    """A reader's shared state, or None; then ``ticket`` permits to put it, until somebody changes the reader."""

    state: bytes | None
    ticket: str = ""


class Put(NamedTuple):
    """A reader's state as it was read from the store after the ticket was given."""

    reader: str
    state: bytes
    ticket: str


class SharedStates(Protocol):
    """Readers' states as the processes share them, kept for a time.

    A state older than the last change of its reader is never returned after that change was released. Each ``hold``
    is ended by one ``release``; where neither could be said, nobody can know, and :meth:`since` makes a new start.
    """

    def since(self, generation: str) -> None:
        """See, from now on, only states and tickets given under this generation, which all processes should share;
        empty at first. Never blocks."""
        ...

    def get(self, readers: Sequence[str]) -> list[Shared]:
        """For each of these readers the state, or a ticket to put it after reading the store; neither where what keeps
        it cannot be reached, as long as others can."""
        ...

    def put(self, read: Sequence[Put]) -> list[bool]:
        """Keep states; for each whether it was kept, which it is not when the reader was changed since the ticket was
        given, or the state is longer than ``STATE_LIMIT``."""
        ...

    def append(self, reader: str, more: bytes) -> None:
        """Add to the end of the state if there is one, and end the tickets given before. A state read from the store
        meanwhile may hold it already. One that would grow beyond ``STATE_LIMIT`` is dropped."""
        ...

    def hold(self, reader: str) -> None:
        """Drop the state, and give no ticket for ``HOLD_SECONDS`` or until :meth:`release`: the store is about to
        change. Several may hold a reader; the last release counts."""
        ...

    def drop(self, readers: Iterable[str]) -> None:
        """Drop the states and end all tickets: the store has changed. Nobody's hold ends by it."""
        ...

    def release(self, readers: Iterable[str]) -> None:
        """End one hold of each, as :meth:`drop` does; the store has changed."""
        ...


class Rates(Protocol):
    """How much each account may ask, over all processes."""

    def take(self, account: str, rate: Rate, now: float) -> Allowance:
        """Take one request from an account's bucket at monotonic second ``now``; never blocks."""
        ...


@dataclass(frozen=True, slots=True)
class Sharing:
    """All that one process shares with the others."""

    bus: Bus
    states: SharedStates
    rates: Rates
    closed: Callable[[], None] = lambda: None

    def close(self) -> None:
        """Leave the bus, and give connections back."""
        self.bus.close()
        self.closed()
