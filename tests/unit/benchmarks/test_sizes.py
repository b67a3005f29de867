"""Sizes are weighed on real stores: every row of the table has something in it, and more of a thing weighs more."""

from __future__ import annotations

from benchmarks.sizes import _OF, Counts, _sum, fill, memory_of_items, memory_of_readers, publish, weighed
from feed.processes.offline import owned
from feed.settings import Settings


def test_everything_of_the_table_is_stored_and_weighs_something(tmp_path):
    counts = Counts(items=600, readers=4, servings=8, decisions=70)
    settings = Settings(home=tmp_path)
    with owned(settings) as service:
        items = publish(service, counts)
        of_an_item = memory_of_items(service)
        readers = fill(service, counts, items)
        assert len(readers) == 4
        store = service.store
        assert (store.items.count(), store.events.count(), store.ledger.head()) == (600, counts.events, 70)
        assert len(store.servings.newest(100)) == 8
        # What is remembered of a reader is hundreds of votes and impressions; of an item a row and some columns.
        assert memory_of_readers(service, readers) > 10 * of_an_item > 1000
    disk = weighed(settings.store_file)
    assert all(_sum(disk, names) / counts.of(thing) > 1 for thing, names in _OF.items())
