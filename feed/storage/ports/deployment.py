"""The ports by which the processes of one deployment find each other in the store.

``feed.storage.ports.store`` says what all ports share. Ages are by the store's own clock, so that hosts need not agree
on the time (laws 10 and 11).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ReplicaRecord:
    """A process that registered: its ``name``, the ``release`` it runs, the ``revision`` that it obeys, and the seconds
    since it last confirmed, by the store's clock: fewer than none where that was stepped back since."""

    name: str
    release: str
    revision: int
    age: float


class Replicas(Protocol):
    """The registry of the processes that serve. Every call blocks until it is committed."""

    def confirm(self, name: str, release: str, revision: int) -> int:
        """Register, or say that one still lives and what it obeys; returns the ledger's head as of then."""
        ...

    def living(self, within: float) -> list[ReplicaRecord]:
        """Those that confirmed within so many seconds, by name."""
        ...

    def leave(self, name: str) -> None:
        """Take a process out that serves no longer."""
        ...


class Role(Protocol):
    """A duty that one process has at a time, such as publishing; it falls to another when its holder is gone."""

    def held(self) -> bool:
        """Whether this process has it, taking it if nobody has; asks the store each time. Raises the store's errors,
        and then the duty counts as lost."""
        ...

    def release(self) -> None:
        """Give it up."""
        ...
