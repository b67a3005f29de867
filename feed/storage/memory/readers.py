"""Readers' settings in memory, and erasure (law 8)."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

from feed.storage.memory.log import erase_person
from feed.storage.memory.register import forget_person
from feed.storage.memory.room import Room
from feed.storage.records import Erasure, Past, ReaderRecord
from feed.storage.rules import emptied, is_personalized, version_conflict


class MemoryReaders:
    """Readers' explicit settings."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def get(self, reader: str) -> ReaderRecord:
        """A reader's settings; version 0 if never saved."""
        with self._room.open():
            return self._room.readers.get(reader) or ReaderRecord(reader)

    def known(self, readers: Sequence[str]) -> dict[str, ReaderRecord]:
        """The saved settings of those of these readers who saved any, by reader."""
        with self._room.open():
            return {reader: self._room.readers[reader] for reader in readers if reader in self._room.readers}

    def pasts(self, readers: Sequence[str], limit: int) -> list[Past]:
        """For each of these readers their settings and newest ``limit`` events, oldest first."""
        with self._room.open():
            events = list(self._room.events.values())
            return [(self.get(name), [event for event in events if event.reader == name][-limit:]) for name in readers]

    def save(self, record: ReaderRecord, expected_version: int | None) -> Future[ReaderRecord]:
        """Save settings with version + 1; ``VersionConflict`` if ``expected_version`` is not the stored one."""

        def effect() -> ReaderRecord:
            before = self.get(record.reader)
            stored = before.version
            if expected_version not in (None, stored):
                raise version_conflict(record.reader, expected_version, stored)
            self._room.readers[record.reader] = saved = replace(record, version=stored + 1)
            if is_personalized(before.settings) and not is_personalized(saved.settings):
                self._room.forgettings += 1
            return saved

        return self._room.write(effect)

    def forgettings(self) -> int:
        """How often a reader was erased, their history or an item of it forgotten, or personalization switched off."""
        with self._room.open():
            return self._room.forgettings

    def erase(self, reader: str, at: int) -> Future[Erasure]:
        """Delete settings and events, empty Servings (the stored ones, and later ones served up to ``at``), and erase
        the reader from decisions."""

        def effect() -> Erasure:
            gone = [key for key in self._room.events if key[0] == reader]
            for key in gone:
                del self._room.events[key]
            settings = self._room.readers.pop(reader, None)
            servings = empty_servings(self._room, reader, at)
            decisions, entries = erase_person(self._room, reader), forget_person(self._room, reader)
            return Erasure(len(gone), int(settings is not None), servings, decisions, entries)

        return self._room.write(effect)


def empty_servings(room: Room, reader: str, at: int) -> int:
    """Empty a reader's Servings, and remember to empty those served up to ``at`` that come in later."""
    room.forgettings += 1
    room.erasures[reader] = max(at, room.erasures.get(reader, 0))
    mine = [serving for serving in room.servings.values() if serving.reader == reader]
    for serving in mine:
        room.servings[serving.request_id] = emptied(serving)
    return len(mine)
