"""A reading that failed leaves nothing behind: no list that a silent reader's events would gather in."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from feed.readers.states import ReaderStates
from feed.storage.errors import StoreFailed
from feed.storage.memory import MemoryStore
from feed.storage.records import EventRecord, Past, ReaderRecord
from ranking.building import CatalogueBuilder
from ranking.journal import ItemPublished
from ranking.reader import EventKind


def event(number: int) -> EventRecord:
    return EventRecord("ada", f"c{number}", "item", int(EventKind.CLICK), 1, 1, 0, "", 1)


def test_events_of_a_reader_who_could_not_be_read_gather_nowhere() -> None:
    broken = True

    def read(readers: Sequence[str], limit: int) -> list[Past]:
        if broken:
            raise StoreFailed("the store hangs")
        return [(ReaderRecord(reader), [event(1)]) for reader in readers]

    builder = CatalogueBuilder()
    builder.apply([ItemPublished("item")])
    catalogue = builder.view()
    states = ReaderStates(MemoryStore(), read=read)
    with pytest.raises(StoreFailed):
        states.load("ada", catalogue)
    with states.receiving(["ada"]):
        states.apply([event(number) for number in range(2, 100)])
    assert states._loading == {}
    broken = False
    assert len(states.load("ada", catalogue).reader.history) == 1
