"""Readers are read together only where one statement reads many; what one reading fails of is one reader's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from feed.observing.loop_metrics import Count
from feed.readers.loading import AT_ONCE, TOGETHER, ReaderLoading
from feed.readers.states import ReaderStates
from feed.readers.views import ReaderView
from feed.storage.errors import StoreBusy
from feed.storage.memory import MemoryStore
from feed.storage.records import Past, ReaderRecord
from feed.storage.sqlite.opening import open_sqlite
from ranking.building import CatalogueBuilder

CATALOGUE = CatalogueBuilder().view()
PATIENCE = 5.0
READERS = [f"r{number}" for number in range(32)]
ODD = "r7"

Read = Callable[[str, int], Past]


def one_after_another(read: Read) -> ReaderStates:
    """The states of a store that reads many no quicker than each alone, as PostgreSQL does."""
    store = MemoryStore()
    store.readers.together = False
    store.readers.pasts = lambda readers, limit: [read(reader, limit) for reader in readers]  # type: ignore[method-assign]
    return ReaderStates(store)


def shared(read: Read) -> ReaderStates:
    return ReaderStates(MemoryStore(), read=read)


def pages(states: ReaderStates, readers: Sequence[str]) -> tuple[list[ReaderView], int]:
    """The views that all of them get at once, and how many waited in vain."""
    unread = Count()

    async def asked() -> list[ReaderView]:
        loading = ReaderLoading(states, PATIENCE, unread)
        return await asyncio.gather(*(loading.view(reader, CATALOGUE) for reader in readers))

    return asyncio.run(asked()), int(unread.value)


@pytest.mark.parametrize("made", [one_after_another, shared])
def test_one_who_is_read_slowly_keeps_nobody_waiting(made: Callable[[Read], ReaderStates]) -> None:
    others = set(READERS) - {ODD}
    lock, read_all = threading.Lock(), threading.Event()

    def read(reader: str, limit: int) -> Past:
        if reader == ODD:
            # As slow as all the others together.
            assert read_all.wait(2 * PATIENCE)
        with lock:
            others.discard(reader)
            if not others:
                read_all.set()
        return ReaderRecord(reader, '{"mode":"latest"}'), []

    views, unread = pages(made(read), READERS)
    assert unread == 0
    assert [view.record.reader for view in views] == READERS
    assert all(view.personalized for view in views)


@pytest.mark.parametrize("made", [one_after_another, shared])
def test_as_many_are_read_at_the_same_time_as_may_be(made: Callable[[Read], ReaderStates]) -> None:
    meeting = threading.Barrier(AT_ONCE)

    def read(reader: str, limit: int) -> Past:
        meeting.wait(2 * PATIENCE)
        return ReaderRecord(reader), []

    assert pages(made(read), READERS)[1] == 0


@pytest.mark.parametrize("fault", [StoreBusy("all connections are in use"), ValueError("no JSON")])
@pytest.mark.parametrize("together", [True, False])
def test_one_who_cannot_be_read_is_the_only_one(fault: Exception, together: bool) -> None:
    store = MemoryStore()
    store.readers.together = together
    read, asked = store.readers.pasts, []

    def pasts(readers: Sequence[str], limit: int) -> list[Past]:
        asked.append(list(readers))
        if ODD in readers:
            raise fault
        return read(readers, limit)

    store.readers.pasts = pasts  # type: ignore[method-assign]
    views, unread = pages(ReaderStates(store), READERS)
    assert unread == 1
    assert [view.record.reader for view in views if not view.personalized] == [ODD]
    assert max(map(len, asked)) == (TOGETHER if together else 1)


def test_stores_say_whether_they_read_many_at_once(tmp_path: Path) -> None:
    embedded = open_sqlite(tmp_path / "weir.db")
    try:
        assert ReaderStates(embedded).together
        assert not ReaderStates(embedded, read=lambda reader, _: (ReaderRecord(reader), [])).together
    finally:
        embedded.close()
