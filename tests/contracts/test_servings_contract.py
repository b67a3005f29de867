"""Servings: found by request, newest first, expired by age."""

from __future__ import annotations

from tests.contracts.making import serving


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
