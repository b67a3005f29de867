"""Readers who are asked for at the same time are read together, and each page gets its own reader."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress

import pytest

from feed.observing.loop_metrics import Count
from feed.readers.loading import TOGETHER, ReaderLoading
from feed.readers.states import ReaderStates
from feed.storage.memory import MemoryStore
from feed.storage.records import EventRecord, Past
from ranking.building import CatalogueBuilder
from ranking.journal import ItemPublished
from ranking.reader import EventKind

ITEMS = 3 * TOGETHER
KNOWN = CatalogueBuilder()
KNOWN.apply([ItemPublished(f"item-{number}") for number in range(ITEMS)])
CATALOGUE = KNOWN.view()


class Store(MemoryStore):
    """Remembers who was read together, and waits with it when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[list[str]] = []
        self.go = threading.Event()
        self.go.set()
        read = self.readers.pasts

        def pasts(readers: Sequence[str], limit: int) -> list[Past]:
            self.asked.append(list(readers))
            self.go.wait(30)
            return read(readers, limit)

        self.readers.pasts = pasts  # type: ignore[method-assign]


def filled() -> tuple[Store, ReaderStates]:
    store = Store()
    store.events.append(
        [EventRecord(f"r{n}", "c", f"item-{n}", int(EventKind.LIKE), 1, 1, 0, "", 1) for n in range(ITEMS)]
    ).result()
    return store, ReaderStates(store)


def test_pages_that_wait_at_the_same_time_are_read_for_together() -> None:
    store, states = filled()

    async def pages() -> list[list[list[int]]]:
        loading = ReaderLoading(states, 30.0, Count())
        views = await asyncio.gather(*(loading.view(f"r{n}", CATALOGUE) for n in (*range(ITEMS), 0)))
        return [view.reader.history.tolist() for view in views]

    assert asyncio.run(pages()) == [[[n, 1, EventKind.LIKE]] for n in (*range(ITEMS), 0)]
    assert len(store.asked) < 10
    assert max(map(len, store.asked)) == TOGETHER


def test_a_page_that_is_given_up_takes_nobody_elses_reading_with_it() -> None:
    store, states = filled()
    store.go.clear()

    async def pages() -> int:
        loading = ReaderLoading(states, 30.0, Count())
        first, second = (asyncio.ensure_future(loading.view(f"r{n}", CATALOGUE)) for n in range(2))
        while not store.asked:
            await asyncio.sleep(0)
        first.cancel()
        with suppress(asyncio.CancelledError):
            await first
        store.go.set()
        return len((await second).reader.history)

    assert asyncio.run(pages()) == 1
    assert store.asked == [["r0", "r1"]]


def test_those_in_memory_are_not_read_again_and_each_reader_once() -> None:
    store, states = filled()
    states.load("r1", CATALOGUE)
    views = states.load_all(["r2", "r1", "r3", "r2"], CATALOGUE)
    assert [view.record.reader for view in views] == ["r2", "r1", "r3", "r2"]
    assert store.asked == [["r1"], ["r2", "r3"]]
    assert states.load_all([], CATALOGUE) == []


def test_who_changed_while_they_were_read_is_read_again_and_nobody_else() -> None:
    store, states = filled()
    read = store.readers.pasts

    def overtaken(readers: Sequence[str], limit: int) -> list[Past]:
        found = read(readers, limit)
        store.readers.pasts = read  # type: ignore[method-assign]
        states.invalidate("r2")
        return found

    store.readers.pasts = overtaken  # type: ignore[method-assign]
    states.load_all(["r1", "r2", "r3"], CATALOGUE)
    assert store.asked == [["r1", "r2", "r3"], ["r2"]]


def test_who_comes_while_a_reading_takes_long_is_read_for_by_another_thread() -> None:
    store, states = filled()
    read, began, go = store.readers.pasts, threading.Event(), threading.Event()

    def pasts(readers: Sequence[str], limit: int) -> list[Past]:
        began.set()
        assert "r0" not in readers or go.wait(30)
        return read(readers, limit)

    store.readers.pasts = pasts  # type: ignore[method-assign]

    async def pages() -> list[str]:
        loading = ReaderLoading(states, 30.0, Count())
        first = asyncio.ensure_future(loading.view("r0", CATALOGUE))
        while not began.is_set():
            await asyncio.sleep(0)
        others = await asyncio.gather(*(loading.view(f"r{n}", CATALOGUE) for n in range(1, ITEMS)))
        assert not first.done()
        go.set()
        return [view.record.reader for view in (await first, *others)]

    assert asyncio.run(pages()) == [f"r{n}" for n in range(ITEMS)]


def test_threads_end_when_nobody_calls_them_and_begin_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feed.readers.loading._IDLE_SECONDS", 0.01)
    _, states = filled()
    loading, others = ReaderLoading(states, 30.0, Count()), set(threading.enumerate())
    for n in range(3):
        assert asyncio.run(loading.view(f"r{n}", CATALOGUE)).record.reader == f"r{n}"
        for thread in threading.enumerate():
            if thread.name == "weir-reading" and thread not in others:
                thread.join(30)
                assert not thread.is_alive()
