"""Servings: found by request, newest first, expired by age."""

from __future__ import annotations

from ranking.reader import EventKind
from tests.contracts.making import event, serving


def test_a_serving_comes_back_field_by_field(store):
    sent = serving(inputs=bytes(range(256)), items=b"\0" * 10)
    store.servings.record([sent]).result()
    assert store.servings.get("q1") == sent
    assert store.servings.get("unknown") is None


def test_the_newest_come_first(store):
    store.servings.record([serving(f"q{n}", served_at=100 - n) for n in range(3)]).result()
    store.servings.record([serving("q3")]).result()
    assert [one.request_id for one in store.servings.newest(3)] == ["q3", "q2", "q1"]


def test_a_request_that_is_recorded_again_is_left_as_it_was(store):
    store.servings.record([serving()]).result()
    store.servings.record([serving(items=b"other"), serving("q2")]).result()
    assert store.servings.get("q1") == serving()
    assert store.servings.get("q2") == serving("q2")


def test_an_empty_batch_is_answered(store):
    assert store.servings.record([]).result() is None


def test_servings_from_before_a_second_expire(store):
    store.servings.record([serving(f"q{n}", served_at=n) for n in range(2500)]).result()
    assert store.servings.expire(2400).result() == 2400
    assert store.servings.expire(2400).result() == 0
    assert len(store.servings.newest(5000)) == 100
    assert store.servings.get("q2399") is None and store.servings.get("q2400") is not None


def test_an_erasure_is_remembered_as_long_as_servings_of_its_time_are_kept(store):
    store.readers.erase("ada", 100).result()
    store.servings.expire(100).result()
    store.servings.record([serving("late", served_at=100)]).result()
    assert store.servings.get("late").erased
    store.servings.expire(103).result()
    store.servings.record([serving("very late", served_at=100)]).result()
    assert not store.servings.get("very late").erased


A, B, BOTH = '{"x":"a"}', '{"x":"b"}', '{"x":"a","y":"a"}'


def in_arms(store):
    """Servings of ada and bob under arms, eve's under none; clicks before, between and after them."""
    served = [("ada", 100, A), ("ada", 150, BOTH), ("bob", 120, B), ("bob", 250, B), ("eve", 130, "")]
    store.servings.record(
        [serving(f"q{n}", reader, at, arms=arms) for n, (reader, at, arms) in enumerate(served)]
    ).result()
    clicks = [("ada", 99), ("ada", 100), ("ada", 149), ("ada", 200), ("bob", 110), ("eve", 140)]
    more = [event("ada", "liked", kind=EventKind.LIKE, at=150), event("ada", "off", at=150, consented=0)]
    store.events.append([event(reader, f"c{at}", at=at) for reader, at in clicks] + more).result()


def test_arms_are_found_that_pages_were_served_with_in_a_time(store):
    in_arms(store)
    assert store.servings.get("q0").arms == A
    assert store.servings.arms(since=0, until=1000) == sorted([A, B, BOTH])
    assert store.servings.arms(since=100, until=150) == sorted([A, B])
    assert store.servings.arms(since=300, until=1000) == []


def test_outcomes_are_a_readers_pages_and_what_they_did_from_the_first_one_on(store):
    in_arms(store)
    clicks = int(EventKind.CLICK)
    assert store.servings.outcomes([A, BOTH], clicks, since=0, until=200) == [(2, 2)]
    assert store.servings.outcomes([A, BOTH], clicks, since=0, until=201) == [(2, 3)]
    assert store.servings.outcomes([BOTH], clicks, since=0, until=200) == [(1, 0)]
    assert store.servings.outcomes([B], clicks, since=0, until=200) == [(1, 0)]
    assert sorted(store.servings.outcomes([A, B, BOTH], clicks, since=0, until=300)) == [(2, 0), (2, 3)]
    assert store.servings.outcomes([A, BOTH], int(EventKind.LIKE), since=0, until=300) == [(2, 1)]
    assert store.servings.outcomes([], clicks, since=0, until=300) == []
    assert store.servings.outcomes([""], clicks, since=0, until=300) == []


def test_an_erased_reader_is_in_no_experiment_any_more_nor_are_their_late_servings(store):
    in_arms(store)
    store.readers.erase("ada", 160).result()
    store.servings.record([serving("late", "ada", 155, arms=A)]).result()
    assert store.servings.get("q0").arms == store.servings.get("late").arms == ""
    assert store.servings.arms(since=0, until=1000) == [B]
    assert store.servings.outcomes([A, BOTH], int(EventKind.CLICK), since=0, until=300) == []
