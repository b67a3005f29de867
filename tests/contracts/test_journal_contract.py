"""The journal: numbered editions, each change in one of them, in order (law 2)."""

from __future__ import annotations

from feed.storage.entries import decode, decode_lines, encode_entries
from feed.storage.records import ItemRecord
from ranking.journal import Entry, ItemPublished, ListPublished


def put(store, *ids):
    store.items.put_items([ItemRecord(id) for id in ids]).result()


def contents(store, after=0, limit=None):
    return [
        (edition.edition, edition.published_at, [getattr(entry, "id", None) for entry in decode(edition.entries)])
        for edition in store.journal.since(after, limit)
    ]


def test_nothing_to_write_makes_no_edition(store):
    assert store.journal.publish(extra=b"", at=1).result() == 0
    assert (store.journal.head(), contents(store)) == (0, [])


def test_editions_are_numbered_and_empty_the_queue(store):
    put(store, "a", "b")
    assert store.journal.publish(extra=b"", at=10).result() == 1
    put(store, "c")
    assert store.journal.publish(extra=b"", at=11).result() == 2
    assert store.journal.publish(extra=b"", at=12).result() == 2
    assert (store.journal.head(), store.journal.pending()) == (2, 0)
    assert contents(store) == [(1, 10, ["a", "b"]), (2, 11, ["c"])]


def test_extra_entries_come_after_the_changes(store):
    put(store, "a")
    lists: list[Entry] = [ListPublished("popular", "home", ("a", "b")), ItemPublished("z")]
    store.journal.publish(extra=encode_entries(lists), at=1).result()
    (edition,) = store.journal.since(0)
    assert decode(edition.entries) == [ItemPublished("a"), *lists]


def test_extra_entries_alone_make_an_edition(store):
    assert store.journal.publish(extra=encode_entries([ItemPublished("z")]), at=1).result() == 1
    assert contents(store) == [(1, 1, ["z"])]


def test_a_long_queue_is_published_in_parts_that_join_to_the_whole(store):
    put(store, *(f"a{n}" for n in range(5)))
    put(store, "b0")
    put(store, *(f"c{n}" for n in range(3)))
    pending = []
    for at in range(4):
        store.journal.publish(extra=b"", at=at, limit=3).result()
        pending.append(store.journal.pending())
    assert pending == [6, 3, 0, 0]
    assert contents(store) == [(1, 0, ["a0", "a1", "a2"]), (2, 1, ["a3", "a4", "b0"]), (3, 2, ["c0", "c1", "c2"])]


def test_the_queue_can_be_read_before_it_is_published(store):
    put(store, *(f"a{n}" for n in range(3)))
    put(store, "b0", "b1")
    assert store.journal.oldest(0) == b""
    for limit in (1, 3, 4, 9):
        expected = ["a0", "a1", "a2", "b0", "b1"][:limit]
        assert decode_lines(store.journal.oldest(limit)) == [ItemPublished(id) for id in expected]
    store.journal.publish(extra=b"", at=1, limit=4).result()
    assert decode_lines(store.journal.oldest(9)) == [ItemPublished("b1")]


def test_editions_are_read_after_a_number_and_up_to_a_limit(store):
    for n in range(5):
        put(store, f"i{n}")
        store.journal.publish(extra=b"", at=n).result()
    assert [number for number, _, _ in contents(store, after=1, limit=2)] == [2, 3]
    assert contents(store, after=5) == []


def test_all_editions_are_read_however_many_there_are(store):
    for at in range(130):
        store.journal.publish(extra=encode_entries([ItemPublished(f"i{at}")]), at=at).result()
    assert [edition.edition for edition in store.journal.since(0)] == list(range(1, 131))


def test_changes_that_arrive_while_an_edition_is_made_are_in_the_next(store):
    futures = [store.items.put_items([ItemRecord(f"i{n}")]) for n in range(200)]
    first = store.journal.publish(extra=b"", at=1)
    for future in [*futures, first]:
        future.result()
    while store.journal.pending():
        store.journal.publish(extra=b"", at=2).result()
    assert [id for _, _, ids in contents(store) for id in ids] == [f"i{n}" for n in range(200)]
