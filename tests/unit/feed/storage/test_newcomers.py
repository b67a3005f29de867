"""Storing events that may be there already, in SQLite: what cannot be stored is refused, and never told as known."""

from __future__ import annotations

import pytest

from feed.storage.errors import RecordRefused
from feed.storage.ports.store import Outcome
from feed.storage.records import EventRecord
from feed.storage.sqlite.opening import open_sqlite

EVENT = EventRecord("r", "c", "i", 1, 1, 1, 0, "", 1)


@pytest.fixture
def store(tmp_path):
    store = open_sqlite(tmp_path / "store.db")
    yield store
    store.close()


@pytest.mark.parametrize("field", EventRecord._fields)
def test_an_event_that_lacks_a_field_is_refused_and_others_are_stored(store, field):
    whole, lacking = EVENT._replace(client_id="whole"), EventRecord(**(EVENT._asdict() | {field: None}))
    answers = [store.events.append([EVENT._replace(client_id=str(number)), whole]) for number in range(3)]
    refused = store.events.append([EVENT._replace(client_id="beside"), lacking])
    assert answers[0].result() == [Outcome.ACCEPTED] * 2
    assert answers[2].result() == [Outcome.ACCEPTED, Outcome.DUPLICATE]
    with pytest.raises(RecordRefused):
        refused.result()
    assert store.events.count() == 4


@pytest.mark.parametrize("count", [1, 511, 512, 999, 1000, 1001, 2500])
def test_of_many_events_those_known_are_told_apart(store, count):
    batch = [EVENT._replace(client_id=str(number), reader=f"r{number % 7}") for number in range(count)]
    known = batch[::3]
    store.events.append(known).result()
    told = store.events.append(batch).result()
    assert [out is Outcome.DUPLICATE for out in told] == [number % 3 == 0 for number in range(count)]
    assert store.events.append(batch).result() == [Outcome.DUPLICATE] * count
    assert store.events.count() == count
