"""Blocks of exposures: what they point at is confirmed by the events, whatever was deleted and written over since."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from feed.storage.sql.exposures import BLOCK, BUCKETS
from feed.storage.sqlite.file import connect
from feed.storage.sqlite.opening import open_sqlite
from ranking.reader import EventKind
from tests.contracts.making import event

ITEMS = 50


@pytest.fixture
def path(tmp_path: Any) -> Any:
    return tmp_path / "weir.db"


@pytest.fixture
def store(path: Any) -> Iterator[Any]:
    opened = open_sqlite(path)
    yield opened
    opened.close()


def filled(store: Any, count: int, reader: str = "", start: int = 0) -> None:
    """So many events, every third a click, the others impressions of item ``n % ITEMS`` by reader ``n % 97``."""
    for first in range(start, start + count, 1000):
        numbers = range(first, min(first + 1000, start + count))
        batch = [
            event(
                reader or f"r{number % 97:02}",
                f"{reader}{number}",
                f"i{number % ITEMS}",
                EventKind.CLICK if number % 3 == 0 else EventKind.IMPRESSION,
                number,
            )
            for number in numbers
        ]
        store.events.append(batch).result()


def expected(item: int, numbers: range) -> list[int]:
    return [number for number in numbers if number % ITEMS == item and number % 3]


def blocks(path: Any) -> list[int]:
    connection = connect(path, write=False)
    found = [block for (block,) in connection.execute("SELECT block FROM exposure_blocks WHERE bucket = 0")]
    connection.close()
    return sorted(found)


def test_exposures_are_the_same_before_and_behind_the_last_block(store: Any, path: Any) -> None:
    count = 2 * BLOCK + 1_000
    filled(store, count)
    assert blocks(path) == [0, 1]
    for item in (0, 7, 49):
        wanted = expected(item, range(count))
        assert store.events.exposures(f"i{item}") == len(wanted)
        inside = [number for number in wanted if BLOCK - 50 <= number < 2 * BLOCK + 50]
        assert store.events.exposures(f"i{item}", after=BLOCK - 50, before=2 * BLOCK + 50) == len(inside)
        readers = sorted({f"r{number % 97:02}" for number in wanted if number < 2_000})
        assert store.events.exposed([f"i{item}"], before=2_000, limit=100) == readers
        assert store.events.exposed([f"i{item}"], after=readers[2], before=2_000, limit=3) == readers[3:6]
    assert store.events.exposures("nothing") == 0


def test_erased_events_are_no_exposures_whatever_the_blocks_say(store: Any) -> None:
    filled(store, BLOCK + 1_000)
    before = store.events.exposures("i1")
    mine = [number for number in expected(1, range(BLOCK + 1_000)) if number % 97 == 5]
    store.readers.erase("r05", 10**6).result()
    assert store.events.exposures("i1") == before - len(mine) < before
    assert "r05" not in store.events.exposed(["i1"], limit=100)


def test_positions_that_are_given_again_after_an_erasure_are_found(store: Any, path: Any) -> None:
    """The newest positions go with their reader, and others' events take them."""
    filled(store, 1_000)
    filled(store, 2 * BLOCK, "eve", start=10_000)
    assert blocks(path) == [0, 1]
    store.readers.erase("eve", 10**6).result()
    assert blocks(path) == []
    filled(store, 2 * BLOCK, start=50_000)
    assert blocks(path) == [0, 1]
    numbers = [*expected(1, range(1_000)), *expected(1, range(50_000, 50_000 + 2 * BLOCK))]
    assert store.events.exposures("i1") == len(numbers)


def test_a_store_that_is_opened_again_goes_on_with_the_next_block(path: Any) -> None:
    for part in range(3):
        store = open_sqlite(path)
        filled(store, BLOCK // 2 + 100, start=part * (BLOCK // 2 + 100))
        assert store.events.exposures("i1") == len(expected(1, range((part + 1) * (BLOCK // 2 + 100))))
        store.close()
    assert blocks(path) == [0]


def test_blocks_hold_neither_readers_nor_items(store: Any, path: Any) -> None:
    store.events.append([event(f"secret reader {n}", f"c{n}", "secret item", EventKind.IMPRESSION) for n in range(10)])
    filled(store, BLOCK + 1)
    connection = connect(path, write=False)
    rows = connection.execute("SELECT bucket, block, pairs FROM exposure_blocks").fetchall()
    connection.close()
    assert len(rows) == BUCKETS and sum(len(pairs) for _, _, pairs in rows) % 6 == 0
    assert all(b"secret" not in pairs for _, _, pairs in rows)


def test_blocks_of_events_that_were_let_go_go_too_and_positions_go_on(store: Any, path: Any) -> None:
    """In several steps: more than are deleted at once."""
    count = 3 * BLOCK + 500
    filled(store, count)
    assert blocks(path) == [0, 1, 2]
    assert store.events.expire(2 * BLOCK + 101).result() == 2 * BLOCK + 100
    assert blocks(path) == [2]
    assert store.events.count() == count - 2 * BLOCK - 100
    assert store.events.exposures("i7") == len(expected(7, range(2 * BLOCK + 100, count)))
    filled(store, BLOCK, start=count)
    assert blocks(path) == [2, 3]
    assert store.events.exposures("i7") == len(expected(7, range(2 * BLOCK + 100, count + BLOCK)))
    assert store.events.expire(10**9).result() == BLOCK * 2 + 400
    assert (store.events.count(), store.events.exposures("i7")) == (0, 0)
    filled(store, 2 * BLOCK, start=10**6)
    assert store.events.exposures("i7") == len(expected(7, range(10**6, 10**6 + 2 * BLOCK)))


def test_a_store_that_is_closed_while_it_lets_events_go_keeps_the_rest(store: Any) -> None:
    filled(store, 20_000)
    going = store.events.expire(10**9)
    store.close()
    assert 0 <= going.result() <= 20_000
