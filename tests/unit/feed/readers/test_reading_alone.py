"""Several readers are read together; what a reading is slow at or fails of keeps no more pages than it must."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import pytest

from feed.observing.loop_metrics import Count
from feed.readers.loading import AT_ONCE, TOGETHER, ReaderLoading
from feed.readers.states import ReaderStates
from feed.readers.views import ReaderView
from feed.storage.errors import StoreBusy
from feed.storage.memory import MemoryStore
from feed.storage.records import Past, ReaderRecord
from ranking.building import CatalogueBuilder

CATALOGUE = CatalogueBuilder().view()
PATIENCE = 5.0
READERS = [f"r{number}" for number in range(AT_ONCE * TOGETHER)]
ODD = "r7"

Read = Callable[[Sequence[str], int], list[Past]]


def pages(read: Read, patience: float = PATIENCE) -> tuple[list[ReaderView], int]:
    """The views that all of the readers get at once, and how many waited in vain."""
    unread = Count()

    async def asked() -> list[ReaderView]:
        loading = ReaderLoading(ReaderStates(MemoryStore(), read=read), patience, unread)
        return await asyncio.gather(*(loading.view(reader, CATALOGUE) for reader in READERS))

    return asyncio.run(asked()), int(unread.value)


def test_a_reading_that_is_slow_keeps_only_those_waiting_who_are_read_with_it() -> None:
    lock, read_all, others = threading.Lock(), threading.Event(), set(READERS)

    def read(readers: Sequence[str], limit: int) -> list[Past]:
        with lock:
            others.difference_update(readers)
            if not others:
                read_all.set()
        if ODD in readers:
            # As slow as all the others together.
            assert read_all.wait(2 * PATIENCE)
        return [(ReaderRecord(reader, '{"mode":"latest"}'), []) for reader in readers]

    views, unread = pages(read)
    assert unread == 0
    assert [view.record.reader for view in views] == READERS
    assert all(view.personalized for view in views)


def test_as_many_readings_as_may_be_go_on_at_the_same_time() -> None:
    meeting = threading.Barrier(AT_ONCE)

    def read(readers: Sequence[str], limit: int) -> list[Past]:
        meeting.wait(2 * PATIENCE)
        return [(ReaderRecord(reader), []) for reader in readers]

    assert pages(read)[1] == 0


@pytest.mark.parametrize("fault", [StoreBusy("all connections are in use"), ValueError("no JSON")])
def test_one_who_cannot_be_read_is_the_only_one(fault: Exception) -> None:
    asked = []

    def read(readers: Sequence[str], limit: int) -> list[Past]:
        asked.append(list(readers))
        if ODD in readers:
            raise fault
        return [(ReaderRecord(reader), []) for reader in readers]

    views, unread = pages(read)
    assert unread == 1
    assert [view.record.reader for view in views if not view.personalized] == [ODD]
    assert max(map(len, asked)) == TOGETHER
    assert [ODD] in asked


def test_one_who_is_read_for_too_long_is_the_only_one() -> None:
    go = threading.Event()

    def read(readers: Sequence[str], limit: int) -> list[Past]:
        assert ODD not in readers or go.wait(30)
        return [(ReaderRecord(reader), []) for reader in readers]

    try:
        views, unread = pages(read, patience=1.0)
    finally:
        go.set()
    assert unread == 1
    assert [view.record.reader for view in views if not view.personalized] == [ODD]


def test_threads_that_cannot_begin_cost_the_pages_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    starts, begin = 0, threading.Thread.start

    def start(thread: threading.Thread) -> None:
        nonlocal starts
        starts += thread.name == "weir-reading"
        if thread.name == "weir-reading" and starts <= 3:
            raise RuntimeError("can't start new thread")
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    views, unread = pages(lambda readers, _: [(ReaderRecord(reader), []) for reader in readers])
    assert (len(views), unread) == (len(READERS), 0)
    assert starts > 3


def test_a_thread_that_dies_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    failures, died = iter(range(2 * AT_ONCE)), threading.Semaphore(0)

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    def read(readers: Sequence[str], limit: int) -> list[Past]:
        if len(readers) == 1 and next(failures, None) is not None:
            raise ValueError("no JSON")
        if len(readers) > 1:
            raise StoreBusy("all connections are in use")
        return [(ReaderRecord(reader), []) for reader in readers]

    monkeypatch.setattr("feed.readers.loading._log", SimpleNamespace(error=full))
    monkeypatch.setattr(threading, "excepthook", lambda _: died.release())
    views, unread = pages(read)
    assert (len(views), unread) == (len(READERS), 2 * AT_ONCE)
    assert all(died.acquire(timeout=30) for _ in range(2 * AT_ONCE))
