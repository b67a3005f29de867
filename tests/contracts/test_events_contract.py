"""Events: durable once acknowledged, stored once, read back in order, and gone when they are forgotten."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from feed.storage.hides import LONGEST_HIDDEN
from feed.storage.ports.store import Outcome
from feed.storage.records import ReaderRecord
from ranking.reader import EventKind
from tests.contracts.making import event, serving

NEW, OLD = Outcome.ACCEPTED, Outcome.DUPLICATE


def test_every_record_of_a_batch_has_its_outcome_in_order(store):
    batch = [event(client_id="a"), event(client_id="b"), event(reader="bob", client_id="a")]
    assert store.events.append(batch).result() == [NEW, NEW, NEW]
    assert store.events.count() == 3


def test_an_empty_batch_is_answered_with_nothing(store):
    assert store.events.append([]).result() == []


def test_a_repeated_batch_changes_nothing_and_says_so(store):
    batch = [event(client_id="a"), event(client_id="b")]
    store.events.append(batch).result()
    assert store.events.append(batch).result() == [OLD, OLD]
    assert store.events.of_reader("ada", 10) == batch


def test_in_a_half_known_batch_only_the_new_records_are_accepted(store):
    store.events.append([event(client_id="b")]).result()
    batch = [event(client_id="a"), event(client_id="b"), event(client_id="c")]
    assert store.events.append(batch).result() == [NEW, OLD, NEW]


def test_of_two_records_with_one_id_in_a_batch_the_first_is_stored(store):
    first, second = event(client_id="a", item="i1"), event(client_id="a", item="i2")
    assert store.events.append([first, second, first]).result() == [NEW, OLD, OLD]
    assert store.events.of_reader("ada", 10) == [first]


def test_batches_that_are_written_together_are_told_apart(store):
    batches = [[event(client_id=f"{n % 7}"), event(client_id=f"own {n}")] for n in range(21)]
    outcomes = [future.result() for future in [store.events.append(batch) for batch in batches]]
    assert outcomes == [[NEW if n < 7 else OLD, NEW] for n in range(21)]


def test_the_same_client_id_of_another_reader_is_another_event(store):
    store.events.append([event(reader="ada", client_id="a")]).result()
    assert store.events.append([event(reader="bob", client_id="a")]).result() == [NEW]


def test_a_reader_gets_the_newest_events_in_the_order_of_storing(store):
    mine = [event(client_id=str(n), item=f"i{n}", at=100 - n) for n in range(5)]
    for one in mine:
        store.events.append([one, event(reader="bob", client_id=one.client_id)]).result()
    assert store.events.of_reader("ada", 3) == mine[2:]
    assert store.events.of_reader("ada", 10) == mine
    assert store.events.of_reader("nobody", 10) == []


def test_an_event_comes_back_field_by_field(store):
    sent = event(kind=EventKind.DWELL, at=2**40, dwell_ms=12_000, request_id="q7", consented=0, item="Ünï\u2028cøde")
    store.events.append([sent]).result()
    assert store.events.of_reader("ada", 1) == [sent]


def test_forgetting_one_item_keeps_the_others(store):
    kept = event(client_id="b", item="i2")
    store.events.append([event(client_id="a"), kept, event(client_id="c"), event(reader="bob")]).result()
    assert store.events.forget("ada", "i1").result() == 2
    assert store.events.of_reader("ada", 10) == [kept]
    assert store.events.count() == 2


def test_forgetting_a_history_leaves_none_of_it(store):
    store.events.append([event(client_id="a"), event(client_id="b"), event(reader="bob")]).result()
    assert store.events.forget("ada").result() == 2
    assert store.events.forget("ada").result() == 0
    assert store.events.of_reader("ada", 10) == []
    assert len(store.events.of_reader("bob", 10)) == 1


def test_a_forgotten_event_may_come_again(store):
    store.events.append([event()]).result()
    store.events.forget("ada").result()
    assert store.events.append([event()]).result() == [NEW]


@pytest.mark.parametrize("item", [None, "i1"])
def test_forgetting_empties_the_servings_of_that_reader(store, item):
    store.servings.record([serving("q1", "ada"), serving("q2", "bob")]).result()
    store.events.forget("ada", item).result()
    emptied = store.servings.get("q1")
    assert (emptied.inputs, emptied.items, emptied.erased) == (b"", b"", True)
    assert store.servings.get("q2") == serving("q2", "bob")


def test_what_was_submitted_before_a_forgetting_is_forgotten(store):
    futures = [store.servings.record([serving(f"q{n}")]) for n in range(20)]
    futures += [store.events.append([event(client_id=str(n))]) for n in range(20)]
    forgotten = store.events.forget("ada")
    assert forgotten.result() == 20
    assert all(future.done() for future in futures)
    assert store.events.of_reader("ada", 100) == []
    assert all(one.erased for one in store.servings.newest(100))


def ids_of(columns):
    readers = [columns.reader_ids[code] for code in columns.readers]
    items = [columns.item_ids[code] for code in columns.items]
    return list(zip(readers, items, columns.times.tolist(), columns.kinds.tolist(), strict=True))


def test_columns_hold_what_counts_for_ranking_oldest_first(store):
    store.events.append(
        [
            event("ada", "a", "i2", EventKind.LIKE, at=30),
            event("ada", "b", "i1", EventKind.IMPRESSION, at=20),
            event("bob", "c", "i1", EventKind.HIDE, at=10),
            event("bob", "d", "i1", EventKind.CLICK, at=30),
            event("cat", "e", "i3", EventKind.CLICK, at=30, consented=0),
        ]
    ).result()
    columns = store.events.columns()
    assert ids_of(columns) == [
        ("bob", "i1", 10, EventKind.HIDE),
        ("ada", "i2", 30, EventKind.LIKE),
        ("bob", "i1", 30, EventKind.CLICK),
    ]
    assert sorted(columns.reader_ids) == ["ada", "bob"] and sorted(columns.item_ids) == ["i1", "i2"]
    assert [columns.readers.dtype, columns.items.dtype] == [np.int32, np.int32]
    assert [columns.times.dtype, columns.kinds.dtype] == [np.int64, np.uint8]
    assert not any(array.flags.writeable for array in (columns.readers, columns.items, columns.times, columns.kinds))


def test_columns_take_only_what_is_after_a_second_and_only_the_newest(store):
    store.events.append([event(client_id=str(n), item=f"i{n}", at=10 * (n % 5)) for n in range(10)]).result()
    assert [at for _, _, at, _ in ids_of(store.events.columns(after=20))] == [30, 30, 40, 40]
    newest = store.events.columns(newest=3)
    assert [item for _, item, _, _ in ids_of(newest)] == ["i8", "i4", "i9"]
    assert sorted(newest.item_ids) == ["i4", "i8", "i9"]
    assert ids_of(store.events.columns(after=35, newest=100)) == ids_of(store.events.columns(after=35))


def test_events_without_a_time_count_unless_a_later_start_is_asked_for(store):
    store.events.append([event(at=0)]).result()
    assert len(store.events.columns().times) == 1
    assert len(store.events.columns(newest=5).times) == 1
    assert len(store.events.columns(after=0).times) == 0


def test_columns_of_an_empty_store_are_empty(store):
    columns = store.events.columns()
    assert (columns.reader_ids, columns.item_ids, len(columns.readers), len(columns.times)) == ((), (), 0, 0)


@pytest.mark.parametrize("settings", ['{"personalization": false}', "not json", "[]"])
@pytest.mark.parametrize("newest", [None, 10])
def test_columns_leave_out_readers_who_switched_personalization_off(store, settings, newest):
    store.events.append([event("ada"), event("bob")]).result()
    store.readers.save(ReaderRecord("ada", settings), None).result()
    store.readers.save(ReaderRecord("bob", '{"mode": "latest"}'), None).result()
    assert [reader for reader, *_ in ids_of(store.events.columns(newest=newest))] == ["bob"]
    store.readers.save(ReaderRecord("ada", "{}"), None).result()
    assert len(store.events.columns(newest=newest).readers) == 2


def hidden(store, reader="ada"):
    return json.loads(store.readers.get(reader).settings).get("hidden")


def test_an_accepted_hide_joins_its_readers_settings_and_a_duplicate_does_not(store):
    store.readers.save(ReaderRecord("ada", '{"mode": "latest", "hidden": ["i0"]}'), None).result()
    batch = [
        event(client_id="h1", item="i1", kind=EventKind.HIDE, at=7),
        event("bob", "h1", "i2", EventKind.HIDE, consented=0),
        event(client_id="c1", item="i3"),
        event(client_id="h1", item="i4", kind=EventKind.HIDE),
    ]
    assert store.events.append(batch).result() == [NEW, NEW, NEW, OLD]
    saved = store.readers.get("ada")
    assert (hidden(store), saved.version, saved.updated_at) == (["i0", "i1"], 2, 8)
    assert json.loads(saved.settings)["mode"] == "latest"
    assert (hidden(store, "bob"), store.readers.get("bob").version) == (["i2"], 1)
    store.readers.save(ReaderRecord("ada", "{}"), None).result()
    assert store.events.append(batch).result() == [OLD] * 4
    assert hidden(store) is None


def test_hides_written_together_all_join_and_the_oldest_leave_beyond_the_limit(store):
    def hide(*numbers):
        batch = [event(client_id=f"h{n}", item=f"i{n}", kind=EventKind.HIDE) for n in numbers]
        return store.events.append(batch)

    futures = [hide(*range(LONGEST_HIDDEN - 20)), *(hide(n) for n in range(LONGEST_HIDDEN - 20, LONGEST_HIDDEN))]
    assert all(set(future.result()) == {NEW} for future in futures)
    store.events.append([event(client_id="again", item="i3", kind=EventKind.HIDE)]).result()
    assert (len(hidden(store)), hidden(store)[0]) == (LONGEST_HIDDEN, "i0")
    store.events.append([event(client_id="last", item="new", kind=EventKind.HIDE)]).result()
    assert (len(hidden(store)), hidden(store)[0], hidden(store)[-1]) == (LONGEST_HIDDEN, "i1", "new")


def test_when_readers_were_first_heard_of_is_told_by_when_it_came(store):
    many = [event(f"r{number}", "c", "i1", at=5, received_at=1000 + number) for number in range(1200)]
    store.events.append([event("ada", "1", "i1", EventKind.IMPRESSION, at=50, received_at=60)]).result()
    store.events.append([event("ada", "2", "i2", at=10, received_at=70), *many]).result()
    assert store.events.first_received(["ada", "nobody"]) == {"ada": 60}
    assert store.events.first_received([]) == {}
    asked = [record.reader for record in many]
    assert store.events.first_received(asked) == {record.reader: record.received_at for record in many}
    store.events.forget("ada", "i1").result()
    assert store.events.first_received(["ada"]) == {"ada": 70}


def test_columns_tell_when_events_came_in(store):
    store.events.append([event("ada", "1", at=50, received_at=60), event("bob", "2", at=10, received_at=70)]).result()
    columns = store.events.columns()
    assert (columns.times.tolist(), columns.received.tolist()) == ([10, 50], [70, 60])
    assert not columns.received.flags.writeable


def impression(reader, item="i1", at=100, **more):
    return event(reader, f"{item} at {at}", item, EventKind.IMPRESSION, at, **more)


def test_exposures_are_impressions_of_the_item_counted_in_a_span(store):
    store.events.append(
        [
            *(impression("ada", at=at) for at in (10, 20, 30)),
            impression("bob", at=20, consented=0),
            impression("bob", "i2", at=20),
            event("cat", "c", "i1", EventKind.CLICK, at=20),
        ]
    ).result()
    assert store.events.exposures("i1") == 4
    assert store.events.exposures("i1", before=20) == 1
    assert store.events.exposures("i1", after=20) == 3
    assert store.events.exposures("i1", after=20, before=30) == 2
    assert store.events.exposures("nothing") == 0


def test_the_exposed_are_told_once_each_in_order_page_by_page(store):
    store.events.append(
        [
            *(impression(reader, "i1", at) for reader in ("dan", "ada", "Zoe", "\u00e9va") for at in (1, 2)),
            *(impression(reader, "i2") for reader in ("bob", "ada")),
            impression("eve", "i3"),
            event("cat", "c", "i1", EventKind.LIKE),
        ]
    ).result()
    everybody = ["Zoe", "ada", "bob", "dan", "\u00e9va"]
    assert store.events.exposed(["i1", "i2", "i1"], limit=10) == everybody
    pages, after = [], ""
    while page := store.events.exposed(["i2", "i1"], after=after, limit=2):
        pages.append(page)
        after = page[-1]
    assert pages == [everybody[:2], everybody[2:4], everybody[4:]]
    assert store.events.exposed(["i1"], before=2, limit=10) == ["Zoe", "ada", "dan", "\u00e9va"]
    assert store.events.exposed(["i1"], before=1, limit=10) == []
    assert store.events.exposed(["nothing"], limit=10) == store.events.exposed([], limit=10) == []


def test_who_is_forgotten_was_never_exposed(store):
    store.events.append([impression("ada"), impression("bob"), impression("bob", "i2")]).result()
    store.readers.erase("ada", 200).result()
    store.events.forget("bob", "i1").result()
    assert (store.events.exposed(["i1"], limit=10), store.events.exposures("i1")) == ([], 0)
    assert store.events.exposed(["i1", "i2"], limit=10) == ["bob"]


def test_settings_that_cannot_be_read_stay_off_when_a_hide_joins_them(store):
    store.readers.save(ReaderRecord("ada", "[odd"), None).result()
    store.events.append([event(client_id="h", item="i1", kind=EventKind.HIDE)]).result()
    assert json.loads(store.readers.get("ada").settings) == {"personalization": False, "hidden": ["i1"]}
    assert store.events.columns().readers.size == 0


def test_events_are_let_go_oldest_first_and_what_depends_on_them_goes_along(store):
    """Where events lie in parts, those of the open part stay."""
    stays = store.events.begin_part(int(time.time()), 1).result()
    old = [impression("ada", at=at, received_at=at) for at in (10, 20, 30)]
    young = event("ada", "y", "i2", at=5, received_at=40)
    store.events.append([*old, young]).result()
    assert store.events.expire(20).result() == (0 if stays else 1)
    assert store.events.expire(35).result() == (0 if stays else 2)
    assert store.events.of_reader("ada", 9) == ([*old, young] if stays else [young])
    assert store.events.exposures("i1") == (3 if stays else 0)
    assert store.events.first_received(["ada"]) == {"ada": 10 if stays else 40}
    assert store.events.append([old[0], young]).result() == [OLD if stays else NEW, OLD]


def test_nothing_is_let_go_where_nothing_is_old_enough(store):
    assert store.events.expire(100).result() == 0
    store.events.append([event(at=10, received_at=100)]).result()
    assert store.events.expire(100).result() == 0
    assert store.events.count() == 1


def test_a_store_tells_of_each_step_of_its_retention_and_vouches_for_its_newest_receipt(store):
    own_clock = store.events.begin_part(int(time.time()), 1).result()
    if own_clock:
        assert abs(store.events.vouched() - time.time()) < 60
        return
    assert store.events.vouched() == 0
    store.events.append([event(client_id=f"{n}", at=10, received_at=n) for n in range(600)]).result()
    assert store.events.vouched() == 599
    went = list[int]()
    assert store.events.expire(590, went.append).result() == sum(went) == 590
    assert store.events.vouched() == 599
