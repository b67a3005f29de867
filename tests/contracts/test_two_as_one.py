"""Whatever is written through two stores of one database, in turns, is answered as by one store that does it all."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feed.storage.errors import StorageError
from feed.storage.memory import MemoryStore
from feed.storage.ports.store import Once
from feed.storage.records import ItemRecord, ReaderRecord
from feed.storage.register import Entry
from ranking.reader import EventKind
from tests.contracts.making import event, serving

_examples = count()

small = st.integers(0, 3)
operations = st.one_of(
    st.tuples(st.just("events"), st.lists(st.tuples(small, small, st.sampled_from(EventKind)), min_size=1, max_size=4)),
    st.tuples(st.just("save"), st.tuples(small, st.none() | st.integers(0, 4))),
    st.tuples(st.just("edit"), small),
    st.tuples(st.just("put"), st.tuples(small, small)),
    st.tuples(st.just("serve"), st.tuples(small, small)),
    st.tuples(st.just("forget"), st.tuples(small, st.none() | small)),
    st.tuples(st.just("erase"), small),
)


def done(store, name, what, argument, step):
    """Do one operation of an example; what it answers, or the kind of its refusal."""

    def more(stored):
        return [Entry(key, stored[key].content + "x" if key in stored else "x") for key in (f"{name}{argument}",)]

    match what:
        case "events":
            batch = [event(f"{name}{reader}", f"c{n}", f"i{n}", kind) for reader, n, kind in argument]
            future = store.events.append(batch)
        case "save":
            reader, version = argument
            future = store.readers.save(ReaderRecord(f"{name}{reader}", f'{{"step": {step}}}'), version)
        case "edit":
            future = store.register("papers").edit([f"{name}{argument}"], more)
        case "put":
            key, digest = argument
            future = store.items.put_items([ItemRecord(f"{name}{step}")], Once(f"{name}{key}", str(digest % 2)))
        case "serve":
            reader, at = argument
            future = store.servings.record([serving(f"{name}q{step}", f"{name}{reader}", 100 + 10 * at)])
        case "forget":
            reader, item = argument
            future = store.events.forget(f"{name}{reader}", None if item is None else f"i{item}", at=110)
        case _:
            future = store.readers.erase(f"{name}{argument}", 120)
    try:
        return future.result(60)
    except StorageError as error:
        return type(error)


def left(store, name, steps):
    """What is there of an example."""
    readers = [f"{name}{n}" for n in range(4)]
    return [
        *([one.item for one in store.events.of_reader(reader, 99)] for reader in readers),
        *(store.readers.get(reader) for reader in readers),
        *(store.register("papers").get(reader) for reader in readers),
        *(store.items.item(f"{name}{step}") for step in range(steps)),
        *(store.servings.get(f"{name}q{step}") for step in range(steps)),
    ]


@pytest.mark.law
def test_law_11_two_stores_of_one_database_answer_as_one(two):
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(st.tuples(st.integers(0, 1), operations), min_size=1, max_size=14))
    def as_one(steps):
        name = f"{next(_examples)}-"
        alone = MemoryStore()
        for step, (who, (what, argument)) in enumerate(steps):
            assert done(two[who], name, what, argument, step) == done(alone, name, what, argument, step)
        expected = left(alone, name, len(steps))
        assert left(two[0], name, len(steps)) == left(two[1], name, len(steps)) == expected

    as_one()
