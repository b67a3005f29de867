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
from typing import Protocol

from feed.limits import Allowance, Rate


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
    """What one process tells the others. A wake-up only wakes: a ``key`` never decides anything."""

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
        connection, and after any break that cannot be made good. Returns at once; reaching the others may take time."""
        ...

    def send(self, messages: Sequence[Message]) -> Future[int]:
        """Send, without blocking; the position of the last message, once every other process will hear it or be told
        that it lost it. Many callers' messages go together. Fails with ``SharingFailed``."""
        ...

    def current(self) -> bool:
        """Whether this process has surely heard whatever was sent more than ``patience`` seconds ago; never blocks."""
        ...

    @property
    def patience(self) -> float:
        """Seconds after which a process that hears nothing knows that it is cut off."""
        ...

    def acknowledge(self, revision: int) -> None:
        """Tell the others, soon, that this process obeys a revision; never blocks, and never raises."""
        ...

    def marks(self) -> Mapping[str, Mark]:
        """How far each process is that was heard of lately, this one included."""
        ...

    def close(self) -> None:
        """Send what waits, leave, and stop."""
        ...


@dataclass(frozen=True, slots=True)
class Shared:
    """A reader's shared state, or None; then ``ticket`` permits to put it, until somebody changes the reader."""

    state: bytes | None
    ticket: str = ""


class SharedStates(Protocol):
    """Readers' states as the processes share them, kept for a time."""

    def get(self, reader: str) -> Shared:
        """The state, or a ticket to put it after reading the store."""
        ...

    def put(self, reader: str, state: bytes, ticket: str) -> bool:
        """Keep a state that was read from the store after the ticket was given; whether it was kept, which it is not
        when the reader was changed since."""
        ...

    def append(self, reader: str, more: bytes) -> None:
        """Add to the end of the state if there is one, and end the tickets given before."""
        ...

    def hold(self, reader: str) -> None:
        """Drop the state, and give no ticket for ten seconds or until :meth:`release`: the store is about to change."""
        ...

    def release(self, readers: Iterable[str]) -> None:
        """Drop the states, and let them be put again: the store has changed."""
        ...


class Rates(Protocol):
    """How much each account may ask, over all processes."""

    def take(self, account: str, rate: Rate, now: float) -> Allowance:
        """Take one request from an account's bucket at monotonic second ``now``; never blocks."""
        ...
