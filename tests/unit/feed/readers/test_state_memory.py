"""Reader states are bounded by bytes, and the bytes are those that the interpreter counts."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterable, Sequence

import orjson
import pytest

from feed.readers.states import ReaderStates
from feed.storage.memory import MemoryStore
from feed.storage.records import EventRecord, Past, ReaderRecord
from ranking.building import CatalogueBuilder
from ranking.catalogue import Catalogue
from ranking.journal import ItemPublished
from ranking.reader import EventKind

ITEMS = [f"item-{number:016d}" for number in range(600)]
READERS = [f"reader-{number:015d}" for number in range(100)]

Read = Callable[[Sequence[str], int], list[Past]]


@pytest.fixture(scope="module")
def known() -> Catalogue:
    builder = CatalogueBuilder()
    builder.apply([ItemPublished(item) for item in ITEMS])
    return builder.view()


def text(word: str) -> str:
    """The same characters in a text of their own, as from a store."""
    return word.encode().decode()


def events(reader: str, votes: int, impressions: int) -> list[EventRecord]:
    kinds = [EventKind.CLICK] * votes + [EventKind.IMPRESSION] * impressions
    return [
        EventRecord(reader, f"{at:022d}", text(ITEMS[at]), int(kind), 10**9 + at, 10**9 + at, 0, f"{at:032d}", 1)
        for at, kind in enumerate(kinds)
    ]


def stored(votes: int = 0, impressions: int = 0, settings: str = "{}") -> Read:
    return lambda readers, _: [
        (ReaderRecord(text(reader), text(settings)), events(reader, votes, impressions)) for reader in readers
    ]


def loaded(known: Catalogue, read: Read, readers: Iterable[str]) -> tuple[ReaderStates, int]:
    """States of these readers, and the bytes that the interpreter counts for them."""
    ReaderStates(MemoryStore(), read=read).load("first", known)
    gc.collect()
    tracemalloc.start()
    try:
        states = ReaderStates(MemoryStore(), read=read)
        before = tracemalloc.get_traced_memory()[0]
        for reader in readers:
            states.load(reader, known)
        gc.collect()
        return states, tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


HIDING = orjson.dumps({"hidden": ITEMS[:200], "muted_topics": [f"topic-{number}" for number in range(20)]}).decode()


@pytest.mark.parametrize(
    "read",
    [stored(), stored(8, 12), stored(200, 300), stored(50, 0, HIDING), stored(5, 0, '{"mode":"latest"}')],
    ids=["nothing", "few", "full", "hiding", "mode"],
)
def test_the_bytes_of_states_are_those_that_the_interpreter_counts(known: Catalogue, read: Read) -> None:
    states, counted = loaded(known, read, map(text, READERS))
    assert states.bytes == pytest.approx(counted, rel=0.15)


def wide(word: str, number: int) -> str:
    return f"{word * 12}-{number:04d}"


@pytest.mark.parametrize("word", ["\u0438", "\u6f22", "\U0001f600"], ids=["cyrillic", "cjk", "astral"])
def test_characters_of_several_bytes_are_counted_as_such(known: Catalogue, word: str) -> None:
    settings = orjson.dumps({"hidden": [wide(word, n) for n in range(200)]}).decode()

    def read(readers: Sequence[str], _: int) -> list[Past]:
        (reader,) = readers
        unknown = EventRecord(text(reader), "", "", int(EventKind.CLICK), 1, 1, 0, "", 1)
        waiting = [unknown._replace(client_id=wide(word, n), item=wide(word, n)) for n in range(20)]
        return [(ReaderRecord(text(reader), text(settings)), waiting)]

    states, counted = loaded(known, read, (wide(word, number) for number in range(100)))
    assert len(states) == 100
    assert states.bytes == pytest.approx(counted, rel=0.15)


def test_events_that_wait_are_counted_until_they_are_taken(known: Catalogue) -> None:
    gc.collect()
    states = ReaderStates(MemoryStore())
    states.load("r", known)
    empty = states.bytes
    tracemalloc.start()
    try:
        states.apply(events(text("r"), 0, 500))
        gc.collect()
        counted = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert states.bytes - empty == pytest.approx(counted, rel=0.15)
    states.get("r", known)
    assert states.bytes - empty == 500 * 8 + 144
    states.invalidate("r")
    assert states.bytes == 0


def test_whoever_was_asked_for_least_recently_leaves_when_the_bytes_are_taken(known: Catalogue) -> None:
    one = ReaderStates(MemoryStore(), read=stored(200, 300))
    one.load(READERS[0], known)
    states = ReaderStates(MemoryStore(), read=stored(200, 300), memory=10 * one.bytes)
    for reader in READERS[:10]:
        states.load(reader, known)
    assert states.cached(READERS[0], known) is not None
    states.load(READERS[10], known)
    assert (len(states), states.bytes) == (10, 10 * one.bytes)
    assert states.cached(READERS[0], known) is not None
    assert states.cached(READERS[1], known) is None
    states.apply(events(READERS[10], 0, 100))
    assert states.bytes <= 10 * one.bytes
    states.clear()
    assert (len(states), states.bytes) == (0, 0)


def test_a_state_that_is_larger_than_all_of_the_memory_is_served_and_not_kept(known: Catalogue) -> None:
    states = ReaderStates(MemoryStore(), read=stored(200, 300), memory=1000)
    assert len(states.load(READERS[0], known).reader.history) == 200
    assert (len(states), states.bytes) == (0, 0)
