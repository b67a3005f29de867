"""Items, authors and labels in memory; every change is queued for the journal (law 2)."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

from feed.storage.entries import encode
from feed.storage.memory.room import Room
from feed.storage.ports.store import AuthorEdit, ItemEdit, Once
from feed.storage.records import AuthorRecord, ItemRecord, LabelRecord
from feed.storage.rules import entry_of_item
from ranking.journal import AuthorChanged, LabelGiven


class MemoryItems:
    """Items, authors and labels."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def put_items(self, items: Sequence[ItemRecord], once: Once | None = None) -> Future[int]:
        """Create or replace items; returns how many."""

        return self._room.write(lambda: self._room.write_once("items", once, lambda: self._put(items)))

    def _put(self, items: Sequence[ItemRecord]) -> int:
        lines = [encode(entry_of_item(item)) for item in items]
        self._room.items.update((item.id, item) for item in items)
        self._room.changes.extend(lines)
        return len(items)

    def edit_items(self, ids: Sequence[str], edit: ItemEdit, once: Once | None = None) -> Future[int]:
        """Write what ``edit`` makes of the stored ones of these items; returns how many."""

        def effect() -> int:
            made = edit(self.items(ids))
            return self._room.write_once("items", once, lambda: self._put(made))

        return self._room.write(effect)

    def put_author(self, author: AuthorRecord) -> Future[None]:
        """Create or replace an author."""

        def effect() -> None:
            entry = AuthorChanged(author.id, author.standing, author.kind, author.identity)
            self._room.changes.append(encode(entry))
            self._room.authors[author.id] = author

        return self._room.write(effect)

    def edit_author(self, author: str, edit: AuthorEdit) -> Future[AuthorRecord]:
        """Write what ``edit`` makes of the stored author, or of None; returns it."""

        def effect() -> AuthorRecord:
            made = edit(self._room.authors.get(author))
            entry = AuthorChanged(made.id, made.standing, made.kind, made.identity)
            self._room.changes.append(encode(entry))
            self._room.authors[author] = made
            return made

        return self._room.write(effect)

    def give_labels(self, labels: Sequence[LabelRecord], once: Once | None = None) -> Future[list[bool]]:
        """Add labels in order, except those older than that of the same item and name; whether each was added."""

        def effect() -> list[bool]:
            added: list[bool] = []
            first = self._room.write_once("labels", once, lambda: self._give(labels, added))
            return added or [first == len(labels) or self._current(label) for label in labels]

        return self._room.write(effect)

    def _give(self, labels: Sequence[LabelRecord], added: list[bool]) -> int:
        lines = [encode(LabelGiven(one.item, one.name, one.score, one.given_by, one.given_at)) for one in labels]
        for label, line in zip(labels, lines, strict=True):
            added.append(self._current(label))
            if added[-1]:
                self._room.labels.setdefault(label.item, {})[label.name] = label
                self._room.changes.append(line)
        return sum(added)

    def _current(self, label: LabelRecord) -> bool:
        stored = self._room.labels.get(label.item, {}).get(label.name)
        return stored is None or stored.given_at <= label.given_at

    def item(self, item: str) -> ItemRecord | None:
        """One item, or None."""
        with self._room.open():
            return self._room.items.get(item)

    def items(self, ids: Sequence[str]) -> dict[str, ItemRecord]:
        """The known ones of these items, by id."""
        with self._room.open():
            return {id: self._room.items[id] for id in ids if id in self._room.items}

    def author(self, author: str) -> AuthorRecord | None:
        """One author, or None."""
        with self._room.open():
            return self._room.authors.get(author)

    def labels(self, item: str) -> list[LabelRecord]:
        """The current labels of an item, by name."""
        with self._room.open():
            return [label for _, label in sorted(self._room.labels.get(item, {}).items())]

    def count(self) -> int:
        """Number of items, withdrawn ones included."""
        with self._room.open():
            return len(self._room.items)
