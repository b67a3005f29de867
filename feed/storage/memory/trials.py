"""What experiments are judged by, in memory."""

from __future__ import annotations

from collections.abc import Sequence

from feed.storage.memory.room import Room


class MemoryTrials:
    """Servings by the arms that they were served with, and what their readers did after."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def arms(self, *, since: int, until: int) -> list[str]:
        """Every text of arms with which pages were served at ``since`` <= second < ``until``, by code point."""
        with self._room.open():
            served = self._room.servings.values()
            return sorted({one.arms for one in served if one.arms and since <= one.served_at < until})

    def outcomes(self, arms: Sequence[str], kind: int, *, since: int, until: int) -> list[tuple[int, int]]:
        """For every reader with such a page under any of these texts: how many, and how many consented events of a
        kind occurred from the first of them on and before ``until``; in no order."""
        wanted = set(arms) - {""}
        pages: dict[str, int] = {}
        first: dict[str, int] = {}
        with self._room.open():
            for one in self._room.servings.values():
                if one.arms in wanted and since <= one.served_at < until:
                    pages[one.reader] = pages.get(one.reader, 0) + 1
                    first[one.reader] = min(first.get(one.reader, one.served_at), one.served_at)
            after = dict.fromkeys(pages, 0)
            for event in self._room.events.values():
                counts = event.kind == kind and event.consented
                if counts and event.reader in first and first[event.reader] <= event.occurred_at < until:
                    after[event.reader] += 1
        return [(pages[reader], after[reader]) for reader in pages]
