"""The ledger: append-only, gapless, in commit order, each request once (laws 1 and 2)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType

import pytest

from controls.decisions import DecisionType, Subject, SubjectKind
from controls.scopes import Scope
from feed.storage.errors import IdempotencyConflict, RecordRefused
from feed.storage.ports.store import Once
from tests.contracts.making import decision

FULL = decision(
    "full",
    DecisionType.BOOST,
    subject=Subject(SubjectKind.TOPIC, "cinéma"),
    actor="svc:editor-7",
    review_by=190,
    scope=Scope(("home", "topic"), ("DE", "FR"), "adult"),
    parameters=MappingProxyType({"factor": 1.5}),
    evidence=("https://example.org/1", "a note"),
    approved_by="ann",
    idempotency_key="key-9",
)


def test_revisions_count_from_one(store):
    assert store.ledger.head() == 0
    assert [store.ledger.append(decision(f"d{n}")).result().revision for n in range(3)] == [1, 2, 3]
    assert store.ledger.head() == 3


def test_a_decision_comes_back_field_by_field_with_its_revision(store):
    appended = store.ledger.append(FULL).result()
    assert appended.revision == 1
    assert store.ledger.since(0) == [appended]
    assert store.ledger.by_id("full") == appended
    for field in FULL.__dataclass_fields__:
        if field != "revision":
            assert getattr(store.ledger.by_id("full"), field) == getattr(FULL, field), field


def test_decisions_are_read_after_a_revision_and_up_to_a_limit(store):
    for n in range(5):
        store.ledger.append(decision(f"d{n}")).result()
    assert [one.id for one in store.ledger.since(1, limit=3)] == ["d1", "d2", "d3"]
    assert store.ledger.since(5) == []
    assert store.ledger.by_id("unknown") is None


def test_a_listing_is_newest_first_and_may_be_of_one_subject(store):
    for n in range(6):
        store.ledger.append(decision(f"d{n}", subject=Subject(SubjectKind.ITEM, f"i{n % 2}"))).result()
    assert [one.id for one in store.ledger.listing(before=None, limit=2)] == ["d5", "d4"]
    assert [one.id for one in store.ledger.listing(before=4, limit=10)] == ["d2", "d1", "d0"]
    assert [one.id for one in store.ledger.listing(before=6, limit=2, subject="i0")] == ["d4", "d2"]
    assert [one.reason for one in store.ledger.listing(before=None, limit=9, subject="i1")] == [decision().reason] * 3
    assert store.ledger.listing(before=None, limit=9, subject="unknown") == []
    assert store.ledger.listing(before=1, limit=9) == []


def test_a_reversal_is_found_by_what_it_reversed(store):
    store.ledger.append(decision("d1")).result()
    assert store.ledger.reversal_of("d1") is None
    undone = store.ledger.append(decision("d2", DecisionType.REVERSE, reverses="d1")).result()
    assert store.ledger.reversal_of("d1") == undone


def test_a_repeated_request_returns_the_first_decision(store):
    once = Once("key", "digest")
    first = store.ledger.append(decision("d1"), once).result()
    assert store.ledger.append(decision("another id"), once).result() == first
    assert store.ledger.head() == 1


def test_of_decisions_that_would_not_be_made_twice_one_is_appended(store):
    store.ledger.append(decision("d1")).result()
    undoing = [decision(f"r{n}", DecisionType.REVERSE, reverses="d1") for n in range(20)]
    futures = [store.ledger.append_unless(lambda other: other.reverses == "d1", 1, one) for one in undoing]
    assert [future.result() is None for future in futures] == [False] + [True] * 19
    assert store.ledger.append_unless(lambda other: other.reverses == "d1", 1, decision("late")).result() is None
    assert store.ledger.append_unless(lambda other: other.id == "d1", 1, decision("d2")).result().revision == 3
    assert [one.id for one in store.ledger.since(0)] == ["d1", "r0", "d2"]


def test_what_was_overtaken_does_not_use_up_its_key_and_what_was_made_is_found_by_it(store):
    once = Once("key", "digest")
    first = store.ledger.append(decision("d1")).result()
    assert store.ledger.append_unless(lambda other: True, 0, decision("d2"), once).result() is None
    assert store.ledger.decided_under(once) is None
    made = store.ledger.append_unless(lambda other: True, first.revision, decision("d3"), once).result()
    assert store.ledger.append_unless(lambda other: True, 0, decision("d4"), once).result() == made
    assert store.ledger.decided_under(once) == made
    assert store.ledger.decided_under(Once("key", "another")) is None


def test_decisions_made_together_are_in_the_ledger_all_or_none(store):
    store.ledger.append(decision("d1")).result()
    three = [decision(f"a.{n}") for n in range(3)]
    assert store.ledger.append_all_unless(lambda other: other.id == "d1", 0, three).result() is None
    with pytest.raises(RecordRefused):
        store.ledger.append_all_unless(lambda other: True, 1, [*three, decision("d1")]).result()
    assert store.ledger.head() == 1
    assert store.ledger.append_all_unless(lambda other: True, 1, three).result() == range(2, 5)
    assert [one.id for one in store.ledger.since(0)] == ["d1", "a.0", "a.1", "a.2"]


def test_decisions_made_together_are_made_once_under_a_key(store):
    once = Once("key", "digest")
    two, again = ([decision(f"{name}.{n}") for n in range(2)] for name in "ab")
    assert store.ledger.append_all_unless(lambda other: True, 0, two, once).result() == range(1, 3)
    assert store.ledger.append_all_unless(lambda other: True, 0, again, once).result() == range(1, 3)
    assert store.ledger.decided_under(once).id == "a.0"
    with pytest.raises(IdempotencyConflict):
        store.ledger.append_all_unless(lambda other: False, 2, again, Once("key", "another")).result()
    assert store.ledger.head() == 2


def test_of_many_made_together_at_once_each_sees_what_the_others_wrote(store):
    batches = [[decision(f"{n}.{m}") for m in range(3)] for n in range(20)]
    futures = [store.ledger.append_all_unless(lambda other: True, 0, batch) for batch in batches]
    assert [future.result() for future in futures] == [range(1, 4)] + [None] * 19
    assert [one.id for one in store.ledger.since(0)] == ["0.0", "0.1", "0.2"]


def test_a_key_used_for_another_request_is_refused(store):
    store.ledger.append(decision("d1"), Once("key", "digest")).result()
    store.items.put_items([], Once("item key", "digest")).result()
    for once in (Once("key", "another"), Once("item key", "digest")):
        with pytest.raises(IdempotencyConflict, match="key"):
            store.ledger.append(decision("d2"), once).result()
    assert store.ledger.head() == 1


def test_one_request_sent_many_times_at_once_decides_once(store):
    futures = [store.ledger.append(decision(f"d{n}"), Once("key", "digest")) for n in range(50)]
    assert {future.result().id for future in futures} == {futures[0].result().id}
    assert store.ledger.head() == 1


def test_an_id_that_is_taken_is_refused_and_leaves_no_gap(store):
    futures = [store.ledger.append(decision(id)) for id in ("a", "b", "a", "c")]
    assert [futures[n].result().revision for n in (0, 1, 3)] == [1, 2, 3]
    with pytest.raises(RecordRefused):
        futures[2].result()
    assert [one.id for one in store.ledger.since(0)] == ["a", "b", "c"]


def test_a_refused_request_does_not_use_up_its_key(store):
    store.ledger.append(decision("a")).result()
    with pytest.raises(RecordRefused):
        store.ledger.append(decision("a"), Once("key", "digest")).result()
    assert store.ledger.append(decision("b"), Once("key", "digest")).result().id == "b"


def test_revisions_are_gapless_however_many_append_at_once(store):
    def append(writer):
        return [store.ledger.append(decision(f"{writer}-{n}")).result() for n in range(25)]

    with ThreadPoolExecutor(8) as pool:
        appended = [one for batch in pool.map(append, range(8)) for one in batch]
    assert sorted(one.revision for one in appended) == list(range(1, 201))
    assert store.ledger.since(0) == sorted(appended, key=lambda one: one.revision)
    for writer in range(8):  # each saw its own decisions in the order in which it made them
        mine = [one.revision for one in appended if one.id.startswith(f"{writer}-")]
        assert mine == sorted(mine)
