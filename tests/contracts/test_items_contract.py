"""Items, authors and labels: the newest word counts, and every change waits for the publisher."""

from __future__ import annotations

from dataclasses import replace

import pytest

from feed.storage.entries import decode
from feed.storage.errors import IdempotencyConflict, RecordRefused
from feed.storage.ports.store import Once
from feed.storage.records import AuthorRecord, ItemRecord, LabelRecord
from ranking.journal import AuthorChanged, ItemPublished, ItemWithdrawn, LabelGiven

FULL = ItemRecord("i1", "au", "A title", ("film", "drama"), 1_700_000_000, "en", "DE", "cinema")


def published(store):
    store.journal.publish(extra=b"", at=1).result()
    return [entry for edition in store.journal.since(0) for entry in decode(edition.entries)]


def test_an_item_comes_back_as_it_was_given(store):
    assert store.items.put_items([FULL, ItemRecord("i2")]).result() == 2
    assert store.items.item("i1") == FULL
    assert store.items.item("unknown") is None
    assert store.items.items(["i2", "unknown", "i1"]) == {"i1": FULL, "i2": ItemRecord("i2")}
    assert store.items.count() == 2


def test_many_items_are_read_by_id_at_once(store):
    store.items.put_items([ItemRecord(f"i{n}") for n in range(1200)]).result()
    assert len(store.items.items([f"i{n}" for n in range(0, 2400, 2)])) == 600
    assert store.items.items([]) == {}


def test_putting_an_item_again_replaces_it(store):
    store.items.put_items([FULL]).result()
    store.items.put_items([ItemRecord("i1", title="another"), ItemRecord("i1", title="the last")]).result()
    assert store.items.item("i1") == ItemRecord("i1", title="the last")
    assert store.items.count() == 1


def withdrawing(stored):
    return [replace(one, withdrawn=True) for one in stored.values() if not one.withdrawn]


def test_a_withdrawn_item_is_known_as_withdrawn(store):
    store.items.put_items([FULL]).result()
    assert store.items.edit_items(["i1", "unknown"], withdrawing).result() == 1
    assert store.items.edit_items(["i1"], withdrawing).result() == 0
    assert store.items.item("i1").withdrawn and store.items.count() == 1


def test_an_edit_sees_what_is_stored_when_it_is_written(store):
    def claiming(author):
        return lambda stored: [] if stored else [ItemRecord("new", author)]

    futures = [store.items.edit_items(["new"], claiming(f"author-{n}")) for n in range(20)]
    assert [future.result() for future in futures] == [1] + [0] * 19
    assert store.items.item("new").author == "author-0"
    assert published(store) == [ItemPublished("new", "author-0")]


def test_an_edit_of_many_items_is_given_the_known_ones(store):
    seen = []

    def looking(stored):
        seen.append(sorted(stored))
        return []

    store.items.put_items([ItemRecord(f"i{n}") for n in range(1200)]).result()
    store.items.edit_items([f"i{n}" for n in range(0, 2400, 2)], looking).result()
    assert seen == [sorted(f"i{n}" for n in range(0, 1200, 2))]


def test_an_edit_repeated_under_its_key_is_asked_and_not_written(store):
    asked = []

    def titled(stored):
        asked.append(len(stored))
        return [ItemRecord("i1", title=f"title {len(asked)}")]

    for _ in range(2):
        assert store.items.edit_items(["i1"], titled, Once("key", "digest")).result() == 1
    assert (asked, store.items.item("i1").title) == ([0, 1], "title 1")


def test_an_edit_that_makes_what_cannot_be_stored_is_refused_alone(store):
    bad = store.items.edit_items(["i1"], lambda stored: [ItemRecord("i1", published_at=2**70)])
    good = store.items.edit_items(["i2"], lambda stored: [ItemRecord("i2")])
    assert good.result() == 1
    with pytest.raises(RecordRefused):
        bad.result()


def test_changes_of_an_author_do_not_undo_one_another(store):
    futures = [
        store.items.edit_author("au", lambda stored: replace(stored or AuthorRecord("au"), standing=40)),
        store.items.edit_author("au", lambda stored: replace(stored or AuthorRecord("au"), name="Ada")),
    ]
    assert [future.result() for future in futures][1] == AuthorRecord("au", "Ada", 40)
    assert store.items.author("au") == AuthorRecord("au", "Ada", 40)
    assert published(store) == [AuthorChanged("au", 40, "", ""), AuthorChanged("au", 40, "", "")]


def test_every_change_is_published_once_in_the_order_of_writing(store):
    store.items.put_items([FULL, ItemRecord("i2")]).result()
    store.items.put_author(AuthorRecord("au", "Au Thor", 80, "person", "verified")).result()
    store.items.give_labels([LabelRecord("i1", "spam", 0.25, "model-1", 50)]).result()
    for _ in range(2):
        store.items.edit_items(["i2"], withdrawing).result()
    assert store.journal.pending() == 5
    assert published(store) == [
        ItemPublished("i1", "au", ("film", "drama"), 1_700_000_000, "en", "DE", "cinema"),
        ItemPublished("i2"),
        AuthorChanged("au", 80, "person", "verified"),
        LabelGiven("i1", "spam", 0.25, "model-1", 50),
        ItemWithdrawn("i2"),
    ]


def test_an_item_put_as_withdrawn_is_published_as_withdrawn(store):
    store.items.put_items([ItemRecord("i1", withdrawn=True)]).result()
    assert published(store) == [ItemWithdrawn("i1")]


def test_an_author_comes_back_and_is_replaced(store):
    store.items.put_author(AuthorRecord("au")).result()
    store.items.put_author(AuthorRecord("au", "Au Thor", 40, "business", "claimed")).result()
    assert store.items.author("au") == AuthorRecord("au", "Au Thor", 40, "business", "claimed")
    assert store.items.author("unknown") is None


def test_a_newer_label_replaces_and_an_older_one_is_not_taken(store):
    assert store.items.give_labels([LabelRecord("i1", "spam", 0.5, "m", 50)]).result() == [True]
    older, newer = LabelRecord("i1", "spam", 0.1, "m", 49), LabelRecord("i1", "spam", 0.9, "ann", 51)
    assert store.items.give_labels([older]).result() == [False]
    assert store.items.give_labels([older, newer, LabelRecord("i1", "rumour", 1.0, "m", 1)]).result() == [
        False,
        True,
        True,
    ]
    assert store.items.labels("i1") == [LabelRecord("i1", "rumour", 1.0, "m", 1), newer]
    assert store.items.labels("unknown") == []
    assert [entry.score for entry in published(store)] == [0.5, 0.9, 1.0]


def test_of_two_labels_of_one_second_the_later_given_counts(store):
    both = [LabelRecord("i1", "spam", 0.5, "m", 50), LabelRecord("i1", "spam", 0.6, "m", 50)]
    assert store.items.give_labels(both).result() == [True, True]
    assert [label.score for label in store.items.labels("i1")] == [0.6]


def test_of_labels_in_one_batch_an_older_one_behind_a_newer_is_not_taken(store):
    batch = [LabelRecord("i1", "spam", score, "m", at) for score, at in ((0.1, 40), (0.2, 60), (0.3, 50))]
    assert store.items.give_labels(batch, Once("key", "digest")).result() == [True, True, False]
    assert store.items.labels("i1") == [batch[1]]
    assert [entry.score for entry in published(store)] == [0.1, 0.2]


def test_labels_repeated_under_their_key_are_answered_alike(store):
    store.items.give_labels([LabelRecord("i1", "spam", 0.5, "m", 50)]).result()
    batch = [LabelRecord("i1", "spam", 0.1, "m", 49), LabelRecord("i2", "spam", 0.2, "m", 49)]
    answers = [store.items.give_labels(batch, Once("key", "digest")).result() for _ in range(3)]
    assert answers == [[False, True]] * 3
    good = [LabelRecord("i3", "spam", 0.2, "m", 49)]
    assert store.items.give_labels(good, Once("other", "digest")).result() == [True]
    store.items.give_labels([LabelRecord("i3", "spam", 0.3, "m", 50)]).result()
    assert store.items.give_labels(good, Once("other", "digest")).result() == [True]


def test_a_repeated_request_returns_the_first_result_and_writes_nothing(store):
    once = Once("key-1", "digest-1")
    assert store.items.put_items([FULL], once).result() == 1
    assert store.items.put_items([FULL, ItemRecord("i2")], once).result() == 1
    assert (store.items.count(), store.journal.pending()) == (1, 1)
    labels = [LabelRecord("i1", "spam", 0.5, "m", 50)]
    assert [store.items.give_labels(labels, Once("key-2", "d")).result() for _ in range(3)] == [[True]] * 3
    assert store.journal.pending() == 2


def test_a_key_used_for_another_request_or_another_act_is_refused(store):
    once = Once("key-1", "digest-1")
    store.items.put_items([FULL], once).result()
    with pytest.raises(IdempotencyConflict, match="key-1"):
        store.items.put_items([ItemRecord("i2")], Once("key-1", "digest-2")).result()
    with pytest.raises(IdempotencyConflict, match="key-1"):
        store.items.give_labels([LabelRecord("i1", "spam", 0.5, "m", 50)], once).result()
    assert (store.items.count(), store.items.labels("i1")) == (1, [])


def test_requests_with_one_key_that_are_written_together_count_once(store):
    futures = [store.items.put_items([ItemRecord(f"i{n}")], Once("key", "digest")) for n in range(10)]
    assert [future.result() for future in futures] == [1] * 10
    assert store.items.count() == 1


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_a_label_without_a_number_is_refused_with_its_batch(store, score):
    batch = [LabelRecord("i1", "fine", 0.5, "m", 1), LabelRecord("i1", "spam", score, "m", 1)]
    with pytest.raises(RecordRefused, match="spam"):
        store.items.give_labels(batch).result()
    assert (store.items.labels("i1"), store.journal.pending()) == ([], 0)


def test_a_refused_item_leaves_those_of_other_writes_alone(store):
    good = store.items.put_items([ItemRecord("i1")])
    bad = store.items.put_items([ItemRecord("i2"), ItemRecord("i3", published_at=2**70)])
    also_good = store.items.put_items([ItemRecord("i4")])
    assert (good.result(), also_good.result()) == (1, 1)
    with pytest.raises(RecordRefused):
        bad.result()
    assert sorted(store.items.items(["i1", "i2", "i3", "i4"])) == ["i1", "i4"]
