"""Servings in memory."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

from feed.storage.memory.room import Room
from feed.storage.memory.trials import MemoryTrials
from feed.storage.records import ServingRecord
from feed.storage.rules import emptied


class MemoryServings(MemoryTrials):
    """Answered requests."""

    def __init__(self, room: Room) -> None:
        super().__init__(room)

    def record(self, records: Sequence[ServingRecord]) -> Future[None]:
        """Store a batch; a request id that is stored already is left as it is."""

        def effect() -> None:
            for record in records:
                late = self._room.erasures.get(record.reader, -1) >= record.served_at
                self._room.servings.setdefault(record.request_id, emptied(record) if late else record)

        return self._room.write(effect)

    def get(self, request_id: str) -> ServingRecord | None:
        """One Serving, or None."""
        with self._room.open():
            return self._room.servings.get(request_id)

    def newest(self, limit: int) -> list[ServingRecord]:
        """The newest Servings in the order of recording, newest first."""
        with self._room.open():
            return list(self._room.servings.values())[::-1][:limit]

    def expire(self, before: int) -> Future[int]:
        """Delete Servings served before a second; returns how many."""

        def effect() -> int:
            kept = {id: one for id, one in self._room.servings.items() if one.served_at >= before}
            gone = len(self._room.servings) - len(kept)
            self._room.servings = kept
            self._room.erasures = {who: at for who, at in self._room.erasures.items() if at >= before}
            return gone

        return self._room.write(effect)
