"""Reader states: what is durable counts once, from the moment its item has a row, and as long as it would from disk."""

from __future__ import annotations

import pytest

from feed.readers.states import PENDING_LIMIT, ReaderStates
from feed.readers.views import HISTORY_LIMIT, SEEN_LIMIT
from feed.storage.memory import MemoryStore
from feed.storage.records import EventRecord, ReaderRecord
from ranking.building import CatalogueBuilder
from ranking.catalogue import Catalogue
from ranking.journal import ItemPublished
from ranking.reader import CONSUMED, EventKind


def catalogue(*items: str) -> Catalogue:
    builder = CatalogueBuilder()
    builder.apply([ItemPublished(item) for item in items])
    return builder.view()


def event(client_id: str, item: str = "a", kind: EventKind = EventKind.LIKE, at: int = 100, **more: int) -> EventRecord:
    return EventRecord("r", client_id, item, int(kind), at, at, 0, "", more.get("consented", 1))


def stored(store: MemoryStore, *events: EventRecord) -> list[EventRecord]:
    store.events.append(events).result()
    return list(events)


def history(states: ReaderStates, known: Catalogue) -> list[list[int]]:
    rows: list[list[int]] = states.get("r", known).reader.history.tolist()
    return rows


def test_an_event_counts_once_its_item_has_a_row() -> None:
    store = MemoryStore()
    states = ReaderStates(store)
    before, after = catalogue("a"), catalogue("a", "b")
    assert history(states, before) == []
    states.apply(stored(store, event("1", "b", at=5), event("2", "b", EventKind.IMPRESSION), event("3", at=9)))
    assert history(states, before) == [[0, 9, EventKind.LIKE]]
    assert history(states, after) == [[1, 5, EventKind.LIKE], [0, 9, EventKind.LIKE]]
    assert states.get("r", after).reader.seen.tolist() == [[0, CONSUMED], [1, CONSUMED]]
    assert history(states, catalogue("a", "b", "c")) == history(ReaderStates(store), after)


def test_what_was_loaded_before_its_item_had_a_row_counts_then() -> None:
    store = MemoryStore()
    states = ReaderStates(store)
    stored(store, event("1", "b"))
    assert history(states, catalogue("a")) == []
    assert history(states, catalogue("a", "b")) == [[1, 100, EventKind.LIKE]]


def test_an_event_that_a_state_was_built_with_is_not_applied_again() -> None:
    store = MemoryStore()
    states, known = ReaderStates(store), catalogue("a")
    with states.receiving(["r"]):
        first = stored(store, event("1"))
        assert len(history(states, known)) == 1
        with states.receiving(["r"]):
            later = stored(store, event("2", at=200))
            states.apply(first)
        states.apply(later)
    assert history(states, known) == [[0, 100, EventKind.LIKE], [0, 200, EventKind.LIKE]]
    assert states._states["r"].known.size == 0
    assert not states._receiving


def test_events_whose_fate_is_unknown_are_read_from_the_store() -> None:
    store = MemoryStore()
    states, known = ReaderStates(store), catalogue("a")
    assert history(states, known) == []
    with pytest.raises(TimeoutError), states.receiving(["r"]):
        stored(store, event("1"))
        raise TimeoutError
    assert history(states, known) == [[0, 100, EventKind.LIKE]]


def test_events_that_wait_for_items_that_never_come_are_bounded() -> None:
    store = MemoryStore()
    states = ReaderStates(store)
    history(states, catalogue("a"))
    states.apply(event(str(number), f"never-{number}") for number in range(SEEN_LIMIT + 50))
    states.apply([event("silent", "never", consented=0)])
    history(states, catalogue("a"))
    waiting = states._states["r"].waiting
    assert [len(waiting), waiting[-1].client_id] == [SEEN_LIMIT, str(SEEN_LIMIT + 49)]


def test_events_that_nobody_asks_a_page_after_are_bounded_and_then_read_from_the_store() -> None:
    store = MemoryStore()
    states, known = ReaderStates(store), catalogue("a")
    history(states, known)
    states.apply(stored(store, *(event(str(number), at=number) for number in range(PENDING_LIMIT + 1))))
    assert (len(states), states.bytes) == (0, 0)
    assert [entry[1] for entry in history(states, known)] == list(
        range(PENDING_LIMIT + 1 - HISTORY_LIMIT, PENDING_LIMIT + 1)
    )


def test_a_reader_who_opted_out_has_a_state_without_a_past() -> None:
    store = MemoryStore()
    store.readers.save(ReaderRecord("r", '{"personalization":false}'), None).result()
    states, known = ReaderStates(store), catalogue("a")
    stored(store, event("1"))
    states.apply(stored(store, event("2", "unknown")))
    assert history(states, known) == []
    assert states._states["r"].waiting == ()
    with states.receiving(["r"]):
        states.apply(stored(store, event("3", "unknown")))
    assert history(states, known) == []
    assert not states._states["r"].pending


def test_arrays_are_no_larger_than_what_they_hold() -> None:
    store = MemoryStore()
    items = [f"item-{number}" for number in range(SEEN_LIMIT)]
    states, known = ReaderStates(store), catalogue(*items)
    stored(store, *(event(item, item, at=at) for at, item in enumerate(items)))
    states.get("r", known)
    states.apply(stored(store, event("again", "item-0", EventKind.HIDE), event("seen", "item-1", EventKind.IMPRESSION)))
    reader = states.get("r", known).reader
    assert (reader.history.base, reader.history.shape) == (None, (HISTORY_LIMIT, 3))
    assert (reader.seen.base, reader.seen.shape) == (None, (SEEN_LIMIT, 2))
    assert not (reader.history.flags.writeable or reader.seen.flags.writeable)


def test_seen_forgets_what_was_met_longest_ago() -> None:
    store = MemoryStore()
    items = [f"item-{number}" for number in range(SEEN_LIMIT + 1)]
    states, known = ReaderStates(store), catalogue(*items)
    stored(store, *(event(item, item, EventKind.IMPRESSION) for item in items[:-1]))
    states.get("r", known)
    states.apply(stored(store, *(event(f"{n} again", items[n], EventKind.IMPRESSION) for n in (0, SEEN_LIMIT))))
    seen = states.get("r", known).reader.seen
    assert (seen[0].tolist(), seen[-2:].tolist()) == ([2, 1], [[0, 2], [SEEN_LIMIT, 1]])
