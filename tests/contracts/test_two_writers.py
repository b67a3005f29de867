"""Two stores that write one database side by side: what each of them does is as if it were alone (docs/adr/0029)."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from controls.merkle import MerkleTree
from feed.storage.entries import decode
from feed.storage.errors import StorageError, StoreBusy, StoreInUse
from feed.storage.ports.store import Once, Outcome
from feed.storage.postgresql import server
from feed.storage.postgresql.opening import PEN, open_postgresql
from feed.storage.records import ItemRecord, ReaderRecord
from feed.storage.register import Entry
from feed.storage.sql.exposures import BLOCK
from ranking.journal import ItemPublished
from ranking.reader import EventKind
from tests.contracts.making import decision, event, serving

NEW, OLD = Outcome.ACCEPTED, Outcome.DUPLICATE


def at_once(*works):
    """Run each on a thread of its own; their results."""
    ready = threading.Barrier(len(works))

    def run(work):
        ready.wait(30)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result() for future in [pool.submit(run, work) for work in works]]


def test_revisions_stay_gapless_and_the_tree_is_that_of_one_ledger(two):
    def append(store, name):
        return [
            future.result().revision for future in [store.ledger.append(decision(f"{name}{n}")) for n in range(150)]
        ]

    mine, theirs = at_once(lambda: append(two[0], "a"), lambda: append(two[1], "b"))
    assert sorted(mine + theirs) == list(range(1, 301))
    assert mine == sorted(mine) and theirs == sorted(theirs)
    for store in two:
        assert [one.revision for one in store.ledger.since(0)] == list(range(1, 301))
        hashes = [entry.leaf_hash for entry in store.log.entries(0)]
        assert store.log.root(300) == MerkleTree(hashes).root()


def test_edits_of_one_entry_from_two_writers_lose_none(two):
    def more(stored):
        count = int(stored["n"].content) if "n" in stored else 0
        return [Entry("n", str(count + 1))]

    def edit(store):
        for future in [store.register("papers").edit(["n"], more) for _ in range(50)]:
            future.result()

    at_once(*(lambda store=store: edit(store) for store in two))
    entry = two[0].register("papers").get("n")
    assert (entry.content, entry.version) == ("100", 100)


def test_one_idempotency_key_has_one_effect_whoever_asks(two):
    once = Once("k", "d")
    first, second = at_once(*(lambda n=n: two[n].ledger.append(decision(f"d{n}"), once).result() for n in (0, 1)))
    assert first == second and two[0].ledger.head() == 1
    counts = at_once(
        *(lambda store=store: store.items.put_items([ItemRecord("i")], Once("i", "d")).result() for store in two)
    )
    assert counts == [1, 1] and two[0].journal.pending() == 1


def test_an_event_that_two_writers_get_is_stored_once_and_hides_join_once(two):
    batches = [
        [
            event(f"r{n % 9}", f"e{k}-{n}", f"i{n}", EventKind.HIDE if n % 40 == 0 else EventKind.CLICK)
            for n in range(60)
        ]
        for k in range(8)
    ]

    def append(store, order):
        futures = {k: store.events.append(batches[k]) for k in order}
        return {k: future.result() for k, future in futures.items()}

    there, back = at_once(lambda: append(two[0], range(8)), lambda: append(two[1], range(7, -1, -1)))
    for k in range(8):
        assert [{one, other} for one, other in zip(there[k], back[k], strict=True)] == [{NEW, OLD}] * 60
    assert two[0].events.count() == 480
    for n in (0, 40):
        saved = two[1].readers.get(f"r{n % 9}")
        assert json.loads(saved.settings)["hidden"] == [f"i{n}"] and saved.version == 1


def test_of_settings_read_at_once_only_one_is_saved(two):
    first, second = at_once(
        *(lambda n=n: two[n].readers.save(ReaderRecord("ada", json.dumps({"n": n})), 0).exception() for n in (0, 1))
    )
    assert [first is None, second is None].count(True) == 1
    assert two[0].readers.get("ada").version == 1


def test_two_publishers_make_one_row_of_editions_with_every_change_in_one(two):
    def work(n):
        for k in range(40):
            two[n].items.put_items([ItemRecord(f"{n}-{k}-{j}") for j in range(3)]).result()
            two[n].journal.publish(extra=b"", at=k, limit=2 + k % 4).result()

    at_once(lambda: work(0), lambda: work(1))
    while two[0].journal.pending():
        two[0].journal.publish(extra=b"", at=100).result()
    editions = list(two[1].journal.since(0))
    assert [edition.edition for edition in editions] == list(range(1, two[1].journal.head() + 1))
    entries = [entry for edition in editions for entry in decode(edition.entries)]
    published = [entry.id for entry in entries if isinstance(entry, ItemPublished)]
    for n in (0, 1):  # each once, and in the order in which they were put
        assert [id for id in published if id.startswith(f"{n}-")] == [
            f"{n}-{k}-{j}" for k in range(40) for j in range(3)
        ]


def test_a_serving_that_another_writer_records_after_an_erasure_is_stored_empty(two):
    def record():
        for n in range(60):
            two[0].servings.record([serving(f"q{n}", "ada", 100), serving(f"b{n}", "bob", 100)]).result()

    _, erased = at_once(record, lambda: two[1].readers.erase("ada", 100).result())
    assert 0 <= erased.servings <= 60
    stored = two[0].servings.newest(1000)
    assert len(stored) == 120
    assert all(one.erased == (not one.request_id.startswith("b")) for one in stored)


def test_an_erasure_waits_for_servings_that_another_is_writing_and_empties_them(two, database):
    two[1].servings.record([serving("bobs", "bob")]).result()  # whose day is there from then on
    with psycopg.connect(database) as other:  # in the middle of recording a Serving
        other.execute(f"SELECT pg_advisory_xact_lock_shared({PEN})")
        other.execute(
            "INSERT INTO servings (request_id, reader, served_at, revision, edition, as_of, model, inputs, items,"
            " erased) VALUES ('q', 'ada', 99, 1, 1, 99, 'm', 'in', 'out', 0)"
        )
        erasing = two[0].readers.erase("ada", 100)
        with psycopg.connect(database, autocommit=True) as watching:
            until(watching, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        assert not erasing.done()
        other.commit()
    assert erasing.result(30).servings == 1
    assert two[1].servings.get("q").erased


def until(connection, query):
    """Ask until there is a row."""
    while connection.execute(query).fetchone() is None:
        connection.execute("SELECT pg_sleep(0.005)")


def test_a_host_whose_clock_runs_ahead_by_a_second_erases_all_the_same(two):
    two[0].readers.erase("ada", 100).result()
    two[1].servings.record([serving("q", "ada", served_at=101)]).result()
    assert two[0].servings.get("q").erased


def test_exposures_are_right_while_two_writers_append_and_after(two):
    each = 3 * BLOCK

    def append(n):
        for first in range(0, each, 512):
            batch = [
                event(f"r{n}-{k % 7}", f"{n}-{k}", f"i{k % 5}", EventKind.IMPRESSION) for k in range(first, first + 512)
            ]
            two[n].events.append(batch).result()

    at_once(lambda: append(0), lambda: append(1))
    for store in two:
        counted = [store.events.exposures(f"i{item}") for item in range(5)]
        assert counted == [2 * len(range(item, each, 5)) for item in range(5)]
        assert len(store.events.exposed(["i1"], limit=100)) == 14
    assert two[0].events.forget("r0-0").result() == len(range(0, each, 7))
    assert len(two[1].events.exposed(["i1"], limit=100)) == 13


def test_blocks_of_exposures_are_written_while_events_come(two, database):
    for first in range(0, 3 * BLOCK, 512):
        two[0].events.append(
            [event("r", str(k), "i", EventKind.IMPRESSION) for k in range(first, first + 512)]
        ).result()
    two[0].close()
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT 1 FROM exposure_blocks").fetchone() is not None
    assert two[1].events.exposures("i") == 3 * BLOCK


@pytest.fixture
def impatient(database, monkeypatch):
    """A store whose writer waits a moment for what others hold, and a session to hold it in."""
    monkeypatch.setitem(server._SESSION, "lock_timeout", "200ms")
    store = open_postgresql(database, shared=True)
    with psycopg.connect(database, autocommit=True) as other:
        yield store, other
    store.close()


def test_who_waits_too_long_for_the_pen_is_told_to_try_again(impatient):
    store, other = impatient
    other.execute(f"SELECT pg_advisory_lock_shared({PEN})")
    assert store.events.append([event()]).result() == [NEW]
    with pytest.raises(StoreBusy, match="try again"):
        store.ledger.append(decision()).result()
    other.execute("SELECT pg_advisory_unlock_all()")
    assert store.ledger.append(decision()).result().revision == 1


def test_who_stops_within_a_transaction_loses_it_and_others_go_on(two, database, monkeypatch):
    monkeypatch.setitem(server._SESSION, "idle_in_transaction_session_timeout", "200ms")
    store = open_postgresql(database, shared=True)
    late, done = threading.Event(), threading.Event()

    def stopped(stored):
        late.set()
        assert done.wait(30)
        return [Entry("n", "mine")]

    failing = store.register("papers").edit(["n"], stopped)
    assert late.wait(30)
    assert two[0].register("papers").edit(["n"], lambda stored: [Entry("n", "theirs")]).result()[0].version == 1
    done.set()
    assert isinstance(failing.exception(30), StorageError)
    assert two[1].register("papers").get("n").content == "theirs"
    again = store.register("papers").edit(["n"], lambda stored: [Entry("n", stored["n"].content + " too")]).result()
    assert again[0].content == "theirs too"
    store.close()


def test_a_writer_whose_session_ended_goes_on_and_has_its_right_again(two, database):
    two[0].events.append([event()]).result()
    with psycopg.connect(database, autocommit=True) as operator:
        operator.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'weir'"
        )
    assert isinstance(two[0].events.append([event(client_id="e2")]).exception(), StorageError | None)
    assert two[0].events.append([event(client_id="e3")]).result() == [NEW]
    two[1].close()
    with pytest.raises(StoreInUse, match="1 running server"):
        open_postgresql(database)


def test_readings_go_on_when_their_sessions_ended(two, database):
    two[0].items.put_items([ItemRecord("i")]).result()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: two[1].items.count(), range(40))) == [1] * 40
        with psycopg.connect(database, autocommit=True) as operator:
            operator.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert list(pool.map(lambda _: two[1].items.count(), range(40))) == [1] * 40


def test_servers_share_a_store_and_what_must_be_alone_is_refused_while_they_run(two, database):
    with pytest.raises(StoreInUse, match=r"2 running server\(s\) share the store"):
        open_postgresql(database)
    third = open_postgresql(database, shared=True)
    for store in (*two, third):
        store.close()
    alone = open_postgresql(database)
    with pytest.raises(StoreInUse, match="another service owns the store"):
        open_postgresql(database, shared=True)
    alone.close()
    open_postgresql(database, shared=True).close()
