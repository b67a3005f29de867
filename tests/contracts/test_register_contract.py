"""Registers: papers of one kind, found by what they are about, and edited where they are written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from feed.storage.errors import RecordRefused
from feed.storage.register import Entry, Order

CASE = Entry("c1", '{"reason":"spam"}', state="open", subject="i1", at=100, due_at=500, priority=7)


def put(register, *entries):
    return register.edit([entry.id for entry in entries], lambda stored: list(entries)).result()


@pytest.fixture
def cases(store):
    return store.register("cases")


def test_an_entry_is_read_back_as_it_was_written(store, cases):
    (written,) = put(cases, replace(CASE, person="ada", kept=True))
    assert written == replace(CASE, person="ada", kept=True, version=1)
    assert cases.get("c1") == written
    assert store.register("cases").get("c1") == written
    assert store.register("reports").get("c1") is None
    assert cases.get("c2") is None


def test_an_edit_sees_what_is_stored_and_each_write_is_one_version_more(cases):
    put(cases, CASE)

    def claimed(stored):
        assert set(stored) == {"c1"}
        return [replace(stored["c1"], state="claimed"), Entry("c2", "{}")]

    made = cases.edit(["c1", "c2"], claimed).result()
    assert made == [replace(CASE, state="claimed", version=2), Entry("c2", "{}", version=1)]
    assert [cases.get("c1"), cases.get("c2")] == made


def test_an_edit_that_makes_nothing_writes_nothing(cases):
    put(cases, CASE)
    assert cases.edit(["c1"], lambda stored: []).result() == []
    assert cases.get("c1").version == 1


@pytest.mark.parametrize("made", [[Entry("other", "{}")], [CASE, CASE], [CASE, Entry("other", "{}")]])
def test_an_edit_of_what_was_not_asked_for_is_refused_whole(cases, made):
    with pytest.raises(RecordRefused):
        cases.edit(["c1"], lambda stored: made).result()
    assert cases.get("c1") is None


def test_concurrent_edits_are_done_one_after_the_other(cases):
    put(cases, replace(CASE, priority=0))
    more = [
        cases.edit(["c1"], lambda stored: [replace(stored["c1"], priority=stored["c1"].priority + 1)])
        for _ in range(10)
    ]
    for future in more:
        future.result()
    assert cases.get("c1").priority == 10
    assert cases.get("c1").version == 11


def test_entries_are_found_by_state_subject_person_time_and_deadline(cases):
    second = Entry("c2", "{}", state="claimed", subject="i1", person="ada", at=200, due_at=300)
    third = Entry("c3", "{}", state="open", subject="i2", at=300)
    put(cases, CASE, second, third)

    def found(**wanted):
        assert cases.count(**wanted) == len(cases.find(**wanted))
        return [entry.id for entry in cases.find(**wanted)]

    assert found() == ["c3", "c2", "c1"]
    assert found(state="open") == ["c3", "c1"]
    assert found(subject="i1") == ["c2", "c1"]
    assert found(person="ada") == ["c2"]
    assert found(since=200) == ["c3", "c2"]
    assert found(due_before=500) == ["c2"]
    assert found(due_before=501, state="open") == ["c1"]
    assert found(state="resolved") == []


@pytest.mark.parametrize(
    ("order", "wanted"),
    [
        (Order.NEWEST, ["c3", "c4", "c2", "c1"]),
        (Order.PRIORITY, ["c1", "c2", "c3", "c4"]),
        (Order.DUE, ["c4", "c3", "c2", "c1"]),
    ],
)
def test_entries_come_in_order_page_by_page(cases, order, wanted):
    put(
        cases,
        Entry("c1", "{}", at=1, priority=9, due_at=40),
        Entry("c2", "{}", at=2, priority=9, due_at=30),
        Entry("c3", "{}", at=3, priority=5, due_at=20),
        Entry("c4", "{}", at=3, priority=5, due_at=10),
    )
    seen, after = [], None
    while page := cases.find(order=order, after=after, limit=3):
        seen += [entry.id for entry in page]
        after = (getattr(page[-1], order.value), page[-1].id)
    assert seen == wanted


def test_removed_entries_are_gone(cases):
    put(cases, CASE, replace(CASE, id="c2"))
    assert cases.remove(["c1", "c9", "c1"]).result() == 1
    assert [entry.id for entry in cases.find()] == ["c2"]


def test_erasing_a_reader_deletes_what_is_theirs_and_leaves_what_is_kept_without_their_name(store, cases):
    reports = store.register("reports")
    put(cases, CASE, Entry("c2", '{"chose":"x"}', person="ada"), Entry("c3", "{}", person="bob"))
    put(reports, Entry("r1", '{"category":"spam"}', person="ada", kept=True))
    receipt = store.readers.erase("ada", 1000).result()
    assert receipt.entries == 2
    assert [entry.id for entry in cases.find(order=Order.DUE)] == ["c3", "c1"]
    assert reports.get("r1") == Entry("r1", '{"category":"spam"}', kept=True, version=2)
    assert store.readers.erase("ada", 1001).result().entries == 0


def test_what_belongs_to_a_reader_is_found_in_every_register(store, cases):
    put(cases, CASE, Entry("c3", "{}", person="ada"), Entry("c2", "{}", person="ada", kept=True))
    put(store.register("appeals"), Entry("a1", '{"x":1}', person="ada", at=7), Entry("a2", "{}", person="bob"))
    found = store.entries_of("ada")
    assert [(name, entry.id, entry.kept) for name, entry in found] == [
        ("appeals", "a1", False),
        ("cases", "c2", True),
        ("cases", "c3", False),
    ]
    assert found[0][1] == store.register("appeals").get("a1")
    store.readers.erase("ada", 1000).result()
    assert store.entries_of("ada") == store.entries_of("nobody") == []


def test_entries_outlive_closing(adapter):
    if not adapter.durable:
        pytest.skip("a store in memory ends with its closing")
    store = adapter.open()
    put(store.register("cases"), CASE)
    store.close()
    store = adapter.open()
    assert store.register("cases").get("c1") == replace(CASE, version=1)
    store.close()
