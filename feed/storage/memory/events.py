"""Events in memory, unique by (reader, client_id)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from itertools import takewhile
from typing import Any

import numpy as np

from feed.storage.hides import hides, joined
from feed.storage.memory.readers import empty_servings
from feed.storage.memory.room import Room
from feed.storage.ports.store import Outcome
from feed.storage.records import EventColumns, EventRecord, ReaderRecord
from feed.storage.rules import is_personalized
from ranking.reader import EventKind


class MemoryEvents:
    """Events of readers."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def append(self, records: Sequence[EventRecord]) -> Future[list[Outcome]]:
        """Store a batch, and let its hides join their readers' settings; one outcome per record, in order."""

        def effect() -> list[Outcome]:
            outcomes = [self._append(record) for record in records]
            told = zip(records, outcomes, strict=True)
            accepted = (record for record, outcome in told if outcome is Outcome.ACCEPTED)
            for reader, hidden in hides(accepted).items():
                stored = self._room.readers.get(reader) or ReaderRecord(reader)
                saved = joined(stored, hidden)
                if saved is not stored:
                    self._room.readers[reader] = saved
            return outcomes

        return self._room.write(effect)

    def _append(self, record: EventRecord) -> Outcome:
        key = (record.reader, record.client_id)
        if key in self._room.events:
            return Outcome.DUPLICATE
        self._room.events[key] = record
        return Outcome.ACCEPTED

    def of_reader(self, reader: str, limit: int) -> list[EventRecord]:
        """The newest ``limit`` events of a reader in the order of storing, oldest first."""
        with self._room.open():
            return [event for event in self._room.events.values() if event.reader == reader][-limit:]

    def forget(self, reader: str, item: str | None = None, *, at: int = 0) -> Future[int]:
        """Delete a reader's events, or those about one item, and empty the reader's Servings; returns how many."""

        def effect() -> int:
            empty_servings(self._room, reader, at)
            events = self._room.events
            gone = [key for key, event in events.items() if event.reader == reader and item in (None, event.item)]
            for key in gone:
                del events[key]
            return len(gone)

        return self._room.write(effect)

    def expire(self, before: int, went: Callable[[int], object] = int) -> Future[int]:
        """Let go of events received before a second, in the order of storing; returns how many, and tells ``went``."""

        def effect() -> int:
            events = self._room.events
            gone = [key for key, _ in takewhile(lambda stored: stored[1].received_at < before, events.items())]
            for key in gone:
                del events[key]
            went(len(gone))
            return len(gone)

        return self._room.write(effect)

    def vouched(self) -> int:
        """The second of the newest receipt, 0 without any."""
        with self._room.open():
            newest = next(reversed(self._room.events.values()), None)
        return 0 if newest is None else newest.received_at

    def begin_part(self, at: int, days: int) -> Future[bool]:
        """There are no parts here."""
        return self._room.write(lambda: False)

    def columns(self, *, after: int = -1, newest: int | None = None) -> EventColumns:
        """Consented events without impressions, of readers whose personalization is on, oldest first."""
        with self._room.open():
            silent = {reader for reader, one in self._room.readers.items() if not is_personalized(one.settings)}
            voiced = [
                event
                for event in self._room.events.values()
                if event.consented and event.kind and event.occurred_at > after and event.reader not in silent
            ]
        voiced.sort(key=lambda event: event.occurred_at)
        voiced = voiced[max(0, len(voiced) - newest) :] if newest is not None else voiced
        readers = _codes(event.reader for event in voiced)
        items = _codes(event.item for event in voiced)
        return EventColumns(
            reader_ids=tuple(readers),
            item_ids=tuple(items),
            readers=_column([readers[event.reader] for event in voiced], np.int32),
            items=_column([items[event.item] for event in voiced], np.int32),
            times=_column([event.occurred_at for event in voiced], np.int64),
            kinds=_column([event.kind for event in voiced], np.uint8),
            received=_column([event.received_at for event in voiced], np.int64),
        )

    def exposures(self, item: str, *, after: int = 0, before: int = 0) -> int:
        """Impressions of an item, consented or not, with ``after`` <= occurred_at < ``before``."""
        with self._room.open():
            return sum(
                event.item == item
                and event.kind == EventKind.IMPRESSION
                and event.occurred_at >= after
                and (not before or event.occurred_at < before)
                for event in self._room.events.values()
            )

    def exposed(self, items: Sequence[str], *, after: str = "", before: int = 0, limit: int) -> list[str]:
        """Readers who had an impression of any of these items, each once, ascending, those beyond ``after``."""
        wanted = set(items)
        with self._room.open():
            found = {
                event.reader
                for event in self._room.events.values()
                if event.kind == EventKind.IMPRESSION
                and event.item in wanted
                and event.reader > after
                and (not before or event.occurred_at < before)
            }
        return sorted(found)[:limit]

    def first_received(self, readers: Sequence[str]) -> dict[str, int]:
        """The second at which the first stored event of each reader came in; readers without any are left out."""
        wanted, first = set(readers), dict[str, int]()
        with self._room.open():
            for event in self._room.events.values():
                if event.reader in wanted:
                    first.setdefault(event.reader, event.received_at)
        return first

    def count(self) -> int:
        """Number of stored events."""
        with self._room.open():
            return len(self._room.events)


def _codes(ids: Iterable[str]) -> dict[str, int]:
    return {id: code for code, id in enumerate(dict.fromkeys(ids))}


def _column(values: list[int], kind: Any) -> Any:
    column = np.array(values, dtype=kind)
    column.setflags(write=False)
    return column
