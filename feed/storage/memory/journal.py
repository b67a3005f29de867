"""The journal in memory (law 2)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

from feed.storage.entries import pack
from feed.storage.memory.room import Room
from feed.storage.records import Edition


class MemoryJournal:
    """Numbered editions."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def head(self) -> int:
        """The last edition, 0 when empty."""
        with self._room.open():
            return len(self._room.editions)

    def since(self, edition: int, limit: int | None = None) -> Iterator[Edition]:
        """Editions with a greater number, in order; all of them, or at most ``limit``."""
        with self._room.open():
            return iter(self._room.editions[edition : None if limit is None else edition + limit])

    def publish(self, *, extra: bytes, at: int, limit: int = 100_000) -> Future[int]:
        """Write the next edition from at most ``limit`` queued changes, oldest first, plus ``extra`` entries."""

        def effect() -> int:
            lines = b"".join(self._room.changes[:limit]) + extra
            if lines:
                self._room.editions.append(Edition(len(self._room.editions) + 1, at, pack(lines)))
                del self._room.changes[:limit]
            return len(self._room.editions)

        return self._room.write(effect)

    def oldest(self, limit: int) -> bytes:
        """At most ``limit`` queued changes, oldest first, one a line: those that ``publish`` with this limit takes."""
        with self._room.open():
            return b"".join(self._room.changes[:limit])

    def pending(self) -> int:
        """Queued changes not yet in an edition."""
        with self._room.open():
            return len(self._room.changes)
