"""Reading from SQLite: texts come back to the letter, large tables in pages, and errors as errors of storage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from feed.storage.errors import StorageError
from feed.storage.records import ItemRecord
from feed.storage.sql import columns as columns_module
from feed.storage.sqlite.opening import open_sqlite
from ranking.reader import EventKind
from tests.contracts.making import event

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    opened = open_sqlite(tmp_path_factory.mktemp("reading") / "weir.db")
    yield opened
    opened.close()


@settings(max_examples=50)
@given(st.lists(st.tuples(words, words, st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=5))
def test_any_text_and_number_of_an_event_comes_back(store, values):
    store.events.forget("ada").result()
    sent = [event(client_id=str(n), item=a, request_id=b, at=0, dwell_ms=c) for n, (a, b, c) in enumerate(values)]
    store.events.append(sent).result()
    assert store.events.of_reader("ada", 10) == sent


@settings(max_examples=50)
@given(words, words, st.lists(words).map(tuple))
def test_any_text_of_an_item_comes_back(store, id, title, topics):
    item = ItemRecord(id, title=title, topics=topics)
    store.items.put_items([item]).result()
    assert store.items.item(id) == item


@pytest.mark.parametrize("page", [1, 7, 1000])
def test_columns_are_the_same_whatever_the_page(store, monkeypatch, page):
    for reader in ("ada", "bob", "cat"):
        store.events.forget(reader).result()
    kinds = [EventKind.CLICK, EventKind.IMPRESSION, EventKind.LIKE]
    store.events.append(
        [event("abc"[n % 3], f"p{n}", f"i{n % 5}", kinds[n % 3], at=(n * 37) % 50) for n in range(60)]
    ).result()
    monkeypatch.setattr(columns_module, "_PAGE", page)
    read = store.events.columns()
    assert len(read.times) == 40
    assert np.all(np.diff(read.times) >= 0)
    newest = store.events.columns(newest=40)
    for one, other in ((read.times, newest.times), (read.kinds, newest.kinds)):
        assert np.array_equal(one, other)
    assert [read.item_ids[code] for code in read.items] == [newest.item_ids[code] for code in newest.items]


def test_the_newest_events_are_found_by_their_index_and_pages_by_position(store):
    def plan(query):
        with store._reading.connection() as connection:
            sql = str(query.compile(connection, compile_kwargs={"literal_binds": False}))
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (0,) * sql.count("?")).all()
        return " / ".join(row[-1] for row in rows)

    assert "ix_events_voiced" in plan(columns_module._NEWEST)
    assert "INTEGER PRIMARY KEY" in plan(columns_module._PAGES)
    assert "TEMP B-TREE" not in plan(columns_module._PAGES) + plan(columns_module._NEWEST)


def test_an_error_of_the_database_is_an_error_of_storage(store):
    with pytest.raises(StorageError, match="no such table"), store._reading.connection() as connection:
        connection.execute(text("SELECT * FROM nowhere"))
