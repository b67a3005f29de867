"""A store as a whole: what was acknowledged is visible, nobody starves, and closing finishes what was begun."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from feed.storage.errors import StoreBusy, StoreClosed
from feed.storage.ports.store import Outcome
from feed.storage.records import AuthorRecord, ItemRecord, KeyRecord, ModelRecord, ReaderRecord
from tests.contracts.making import decision, event, serving


def fill(store):
    """Something of every noun; returns what reading it back gives."""
    store.events.append([event()]).result()
    store.items.put_items([ItemRecord("i1", topics=("film",))]).result()
    store.items.put_author(AuthorRecord("au")).result()
    store.readers.save(ReaderRecord("ada", '{"mode":"latest"}'), 0).result()
    store.ledger.append(decision()).result()
    store.policies.put("sha", "{}", 1).result()
    store.journal.publish(extra=b"", at=5, limit=1).result()
    store.servings.record([serving()]).result()
    store.models.put(ModelRecord("v1", "ease", "f", "{}", 1)).result()
    store.keys.put(KeyRecord("00", "k", (), "s", 1)).result()
    return everything(store)


def everything(store):
    return [
        store.events.of_reader("ada", 9),
        store.items.item("i1"),
        store.items.author("au"),
        store.readers.get("ada"),
        store.ledger.since(0),
        store.ledger.head(),
        store.policies.get("sha"),
        list(store.journal.since(0)),
        store.journal.head(),
        store.journal.pending(),
        store.servings.newest(9),
        store.models.listing(),
        store.keys.listing(),
    ]


def test_what_was_acknowledged_is_there_after_reopening(adapter):
    if not adapter.durable:
        pytest.skip("this adapter keeps nothing")
    first = adapter.open()
    written = fill(first)
    first.close()
    second = adapter.open()
    assert everything(second) == written
    assert second.ledger.append(decision("d2")).result().revision == 2
    second.close()


def test_an_idle_store_has_no_writes_waiting(store):
    fill(store)
    assert store.queue_depth() == 0


def test_closing_finishes_what_was_submitted(adapter):
    store = adapter.open()
    futures = [store.events.append([event(client_id=str(n))]) for n in range(500)]
    published = store.journal.publish(extra=b"", at=1)
    store.close()
    assert {future.result()[0] for future in futures} == {Outcome.ACCEPTED}
    assert published.result() == 0


def test_a_closed_store_says_so(adapter):
    store = adapter.open()
    store.close()
    store.close()
    with pytest.raises(StoreClosed):
        store.events.append([event()]).result()
    with pytest.raises(StoreClosed):
        store.journal.publish(extra=b"", at=1).result()
    with pytest.raises(StoreClosed):
        store.readers.get("ada")
    with pytest.raises(StoreClosed):
        store.events.columns()


def test_writers_of_every_kind_and_readers_get_on_together(store):
    def events(n):
        return [store.events.append([event(f"r{n}", f"e{k}-{j}") for j in range(20)]).result() for k in range(20)]

    def decisions(n):
        return [store.ledger.append(decision(f"d{n}-{k}")).result().revision for k in range(40)]

    def servings(n):
        return [store.servings.record([serving(f"q{n}-{k}", f"r{n}")]).result() for k in range(40)]

    def reads(n):
        return [(len(store.events.of_reader(f"r{n}", 1000)), store.ledger.head()) for _ in range(40)]

    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(work, n) for n in range(2) for work in (events, decisions, servings, reads)]
        results = [one.result() for one in running]
    assert store.events.count() == 800
    assert sorted(results[1] + results[5]) == list(range(1, 81)) == [one.revision for one in store.ledger.since(0)]
    assert len(store.servings.newest(1000)) == 80
    for seen in (results[3], results[7]):  # what was read never went back, and batches were seen whole
        assert seen == sorted(seen) and all(count % 20 == 0 for count, _ in seen)


def test_a_flood_of_events_starves_nobody(store):
    stop = threading.Event()

    def flood(n):
        waiting, k = [], 0
        while not stop.is_set():
            waiting.append(store.events.append([event(f"r{n}", f"e{k}-{j}") for j in range(50)]))
            k += 1
            if len(waiting) > 30:
                assert isinstance(waiting.pop(0).exception(timeout=60), StoreBusy | None)
        return waiting

    with ThreadPoolExecutor(2) as pool:
        floods = [pool.submit(flood, n) for n in range(2)]
        try:
            for n in range(5):
                store.servings.record([serving(f"q{n}")]).result(timeout=60)
                assert store.ledger.append(decision(f"d{n}")).result(timeout=60).revision == n + 1
                store.items.put_items([ItemRecord(f"i{n}")]).result(timeout=60)
                store.readers.erase(f"somebody {n}", 1).result(timeout=60)
        finally:
            stop.set()
        for future in [waiting for one in floods for waiting in one.result()]:
            future.exception(timeout=60)
