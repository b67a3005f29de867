"""The port of the journal, which holds what is no decision; ``feed.storage.ports.store`` says what all ports share."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from typing import Protocol

from feed.storage.records import Edition


class Journal(Protocol):
    """Numbered editions, written by one publisher at a time (law 2)."""

    def head(self) -> int:
        """The last edition, 0 when empty."""
        ...

    def since(self, edition: int, limit: int | None = None) -> Iterator[Edition]:
        """Editions with a greater number, in order, read one at a time; all of them, or at most ``limit``."""
        ...

    def publish(self, *, extra: bytes, at: int, limit: int = 100_000) -> Future[int]:
        """Write the next edition from at most ``limit`` queued changes plus ``extra`` encoded entries, and empty the
        queue by those, in one transaction; returns the journal's head (unchanged when there was nothing to write)."""
        ...

    def oldest(self, limit: int) -> bytes:
        """At most ``limit`` queued changes, oldest first, one a line: those that ``publish`` with this limit takes."""
        ...

    def pending(self) -> int:
        """Queued changes not yet in an edition."""
        ...
