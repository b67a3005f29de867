"""Registers in memory."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

from feed.storage.memory.room import Room
from feed.storage.register import Entry, EntryEdit, Order
from feed.storage.rules import numbered


class MemoryRegister:
    """The entries of one kind."""

    def __init__(self, room: Room, name: str) -> None:
        self._room = room
        self._name = name

    def edit(self, ids: Sequence[str], edit: EntryEdit) -> Future[list[Entry]]:
        """Write what ``edit`` makes of the stored ones of these ids; returns it with the versions that were given."""

        def effect() -> list[Entry]:
            entries = self._entries
            stored = {id: entries[id] for id in ids if id in entries}
            made = numbered(ids, stored, edit(stored))
            entries.update((entry.id, entry) for entry in made)
            return made

        return self._room.write(effect)

    def get(self, id: str) -> Entry | None:
        """One entry, or None."""
        with self._room.open():
            return self._entries.get(id)

    def find(
        self,
        *,
        state: str = "",
        subject: str = "",
        person: str = "",
        since: int = 0,
        due_before: int = 0,
        order: Order = Order.NEWEST,
        after: tuple[int, str] | None = None,
        limit: int = 100,
    ) -> list[Entry]:
        """Entries in order; empty and 0 ask for any."""
        sign = 1 if order.rising else -1

        def key(value: int, id: str) -> tuple[int, str]:
            return sign * value, id

        with self._room.open():
            found = self._matching(state, subject, person, since, due_before)
            keyed = sorted((key(getattr(entry, order.value), entry.id), entry) for entry in found)
        return [entry for at, entry in keyed if after is None or at > key(*after)][:limit]

    def count(
        self, *, state: str = "", subject: str = "", person: str = "", since: int = 0, due_before: int = 0
    ) -> int:
        """How many such entries there are."""
        with self._room.open():
            return len(self._matching(state, subject, person, since, due_before))

    def remove(self, ids: Sequence[str]) -> Future[int]:
        """Delete entries; returns how many there were."""
        return self._room.write(lambda: sum(self._entries.pop(id, None) is not None for id in set(ids)))

    @property
    def _entries(self) -> dict[str, Entry]:
        return self._room.registers.setdefault(self._name, {})

    def _matching(self, state: str, subject: str, person: str, since: int, due_before: int) -> list[Entry]:
        return [
            entry
            for entry in self._entries.values()
            if (not state or entry.state == state)
            and (not subject or entry.subject == subject)
            and (not person or entry.person == person)
            and entry.at >= since
            and (not due_before or 0 < entry.due_at < due_before)
        ]


def entries_of(room: Room, person: str) -> list[tuple[str, Entry]]:
    """Every entry that belongs to a reader, with its register's name; by that, then by id."""
    with room.open():
        found = [(name, entry) for name, entries in room.registers.items() for entry in entries.values()]
    mine = [(name, entry) for name, entry in found if entry.person == person]
    return sorted(mine, key=lambda one: (one[0], one[1].id))


def forget_person(room: Room, person: str) -> int:
    """Erase a reader from every register; returns from how many entries."""
    gone = 0
    for entries in room.registers.values():
        for entry in [entry for entry in entries.values() if entry.person == person]:
            if entry.kept:
                entries[entry.id] = replace(entry, person="", version=entry.version + 1)
            else:
                del entries[entry.id]
            gone += 1
    return gone
