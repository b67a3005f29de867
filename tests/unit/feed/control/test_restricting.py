"""Restrictions and statements as the publisher's thread derives them, on a store in memory, by a clock that stands."""

from __future__ import annotations

from itertools import count

import orjson
import pytest

from controls.communities import prefix_of
from controls.policy import canonical, content_hash
from controls.scopes import Scope
from controls.statements import StatementFields
from feed.control import restricting
from feed.storage.errors import StorageError
from feed.storage.records import ItemRecord
from feed.storage.register import Entry
from feed.transparency.statement_papers import statements_of
from tests.unit.controls.building import policy, rule
from tests.unit.feed.control.stated_place import NOW, QUIET, RUMOURS, Place


@pytest.fixture
def place() -> Place:
    made = Place()
    made.put("i1", "i2")
    made.publish()
    made.turn()
    return made


def test_a_demotion_by_a_rule_yields_one_statement_for_its_author(place):
    place.label("i1", 0.9)
    place.turn(10)
    place.turn(10)
    (told,) = place.statements()
    assert (told.item, told.author, told.cause, told.decision) == ("i1", "ann", {"kind": "rule", "id": "rumours"}, "")
    assert (told.from_at, told.until) == (NOW + 10, None)
    fields = StatementFields.model_validate(told.fields)
    assert fields.category.name == "NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS"
    assert "label 'rumour' scores at least 0.8" in (fields.incompatible_content_explanation or "")
    assert fields.content_language == "DE" and fields.automated_decision.name == "FULLY"
    (kept,) = place.restrictions().values()
    assert (kept.subject, kept.state, orjson.loads(kept.content)["statement"]) == ("i1", "open", told.id)
    assert statements_of(place.store).find(subject="ann") == [statements_of(place.store).get(told.id)]


def test_a_rule_of_a_community_is_explained_as_the_platforms_are(place):
    place.store.items.put_items([ItemRecord("c1", "ann", published_at=NOW, community="birds")]).result()
    parameters = {"policy": content_hash(RUMOURS)}
    place.decide("publish_policy", "community:birds", parameters=parameters)
    place.label("c1", 0.9)
    place.turn()
    told = {one.cause["id"]: one.fields["incompatible_content_explanation"] for one in place.statements()}
    assert sorted(told) == [f"{prefix_of('birds')}rumours", "rumours"]
    assert all("label 'rumour' scores at least 0.8" in why for why in told.values())


def test_a_label_that_flaps_yields_one_statement_that_ends_when_it_is_gone(place):
    for score in (0.9, 0.1, 0.9, 0.1):
        place.label("i1", score)
        place.turn(QUIET // 2)
    place.turn(QUIET - 1)
    assert place.spans() == [("i1", 30, None)]
    place.turn(1)
    assert place.spans() == [("i1", 30, 120)]


def test_a_takedown_is_stated_and_its_restoration_ends_it_at_once(place):
    taken = place.decide("takedown", "item:i1", expires_at=NOW + 1000)
    place.turn(5)
    (told,) = place.statements()
    assert told.decision == taken and told.fields["decision_visibility"] == ["DECISION_VISIBILITY_CONTENT_REMOVED"]
    assert "mo" not in told.fields["incompatible_content_explanation"].split()
    assert "ann" not in told.fields["incompatible_content_explanation"]
    place.clock.advance(10)
    place.decide("restore", "item:i1")
    place.turn(3)
    assert place.spans() == [("i1", 5, 15)]


def test_a_decision_that_expires_ends_its_statement_at_that_second(place):
    place.decide("suppress", "item:i1", expires_at=NOW + 40)
    place.turn()
    place.turn(100)
    assert place.spans() == [("i1", 0, 40)]


def test_an_act_on_a_topic_or_author_is_stated_for_every_item_later_ones_too(place):
    place.decide("suppress", "author:ann", review_by=NOW + 1000)
    place.turn()
    place.put("i3")
    place.turn(5)
    assert place.spans() == [("i1", 0, None), ("i2", 0, None), ("i3", 5, None)]


def test_an_item_that_waits_a_moment_for_its_label_owes_no_statement(place):
    held = policy(rule({"signal": "label.rumour", "min": 0.8}, id="checked", missing="hold"))
    place.store.policies.put(content_hash(held), canonical(held).decode(), NOW).result()
    place.decide("publish_policy", parameters={"policy": content_hash(held)})
    place.turn()
    place.label("i1", 0.1)
    place.turn(QUIET - 1)
    assert place.spans() == []
    place.turn(QUIET)
    assert place.spans() == [("i2", 0, None)]


@pytest.mark.parametrize("kind", ["restrict_author", "strike"])
def test_an_act_on_an_author_has_one_statement_until_it_expires_or_is_reversed(place, kind):
    parameters = {"service": "suspended"} if kind == "restrict_author" else {"points": 10}
    about = {"parameters": parameters, "expires_at": NOW + 500}
    first, second = (place.decide(kind, "author:ann", **about) for _ in range(2))
    place.turn()
    told = [one for one in place.statements() if one.item == ""]
    assert [(one.author, one.until) for one in told] == [("ann", None)] * 2
    place.clock.advance(20)
    place.decide("reverse", "author:ann", reverses=first)
    place.turn()
    place.turn(1000)
    assert {one.decision: one.until for one in place.statements() if not one.item} == {
        first: NOW + 20,
        second: NOW + 500,
    }


def test_what_was_undone_before_any_snapshot_showed_it_is_stated_all_the_same(place):
    taken = place.decide("takedown", "item:i1", expires_at=NOW + 1000)
    place.decide("reverse", "item:i1", reverses=taken)
    place.turn()
    place.turn()
    assert place.spans() == [("i1", 0, 0)]


def test_a_restart_neither_doubles_nor_loses_a_statement(place):
    place.label("i1", 0.9)
    place.turn(10)
    place.restart()
    place.label("i2", 0.9)
    place.turn(10)
    place.turn(QUIET)
    assert place.spans() == [("i1", 10, None), ("i2", 20, None)]
    place.label("i1", 0.1)
    place.restart()
    place.turn()
    place.turn(QUIET)
    assert [(item, until is None) for item, _, until in place.spans()] == [("i1", False), ("i2", True)]


@pytest.mark.parametrize("broken", range(1, 6))
def test_wherever_a_write_fails_the_next_turn_or_process_does_what_is_left_once(place, broken):
    place.label("i1", 0.9)
    place.decide("takedown", "item:i2", expires_at=NOW + 1000)
    place.swap()
    room, writes, failed = place.store.register("statements")._room, count(1), []
    write = room.write

    def failing(effect):
        if next(writes) == broken:
            failed.append(broken)
            raise StorageError("the disk is full; make room")
        return write(effect)

    room.write = failing
    try:
        place.restricting.derive()
    except StorageError:
        if broken % 2:
            place.restart()
    finally:
        room.write = write
    assert bool(failed) == (broken <= 4)
    place.turn(7)
    place.turn(10)
    assert sorted(item for item, _, _ in place.spans()) == ["i1", "i2"]


def test_statements_of_a_bulk_are_written_in_turns_and_each_once(place, monkeypatch):
    monkeypatch.setattr(restricting, "CHUNK", 3)
    monkeypatch.setattr(restricting, "TURN", 6)
    place.put(*(f"b{number}" for number in range(20)), author="bob")
    place.decide("suppress", "author:bob", review_by=NOW + 1000, scope=Scope(regions=("DE",)))
    place.swap()
    assert place.restricting.derive() == 14
    place.turn()
    assert sorted(one.item for one in place.statements()) == sorted(f"b{number}" for number in range(20))
    assert {tuple(one.fields["territorial_scope"]) for one in place.statements()} == {("DE",)}


@pytest.mark.parametrize(
    ("kind", "source"),
    [("report", "SOURCE_ARTICLE_16"), ("order", "SOURCE_TYPE_OTHER_NOTIFICATION"), ("inspection", "SOURCE_VOLUNTARY")],
)
def test_a_statement_says_whether_a_report_or_an_order_led_to_the_decision(place, kind, source):
    case = Entry("c1-1", orjson.dumps({"kind": kind}).decode())
    place.store.register("cases").edit(["c1-1"], lambda _: [case]).result()
    place.decide("takedown", "item:i1", expires_at=NOW + 1000, evidence=("a link", "case:c1-1"))
    place.turn()
    (told,) = place.statements()
    assert told.fields["source_type"] == source


def test_an_item_that_is_held_for_review_owes_a_statement_once_that_takes_long(place):
    held = {"parameters": {"hold": "review"}, "review_by": NOW + 10_000}
    place.decide("suppress", "item:i1", **held)
    place.decide("suppress", "item:i2", **held)
    place.turn()
    place.decide("release", "item:i1")
    place.turn(QUIET - 1)
    assert place.spans() == []
    place.turn(1)
    (told,) = place.statements()
    assert (told.item, told.fields["decision_visibility"]) == ("i2", ["DECISION_VISIBILITY_CONTENT_DISABLED"])


@pytest.mark.parametrize("restarted", [False, True])
def test_what_meets_very_many_items_is_taken_up_in_slices_and_nothing_of_it_is_lost(place, monkeypatch, restarted):
    for name, size in (("CHUNK", 1), ("TURN", 2), ("SLICE", 3)):
        monkeypatch.setattr(restricting, name, size)
    place.put(*(f"b{number:02}" for number in range(40)), author="bob")
    first = place.decide("suppress", "author:bob", review_by=NOW + 1000)
    place.swap()
    assert place.restricting.derive() > 20
    place.clock.advance(5)
    place.decide("reverse", "author:bob", reverses=first)
    place.decide("boost", "item:b07", parameters={"factor": 0.5}, expires_at=NOW + 1000)
    if restarted:
        place.restart()
    place.turn()
    told = {one.item: one.until for one in place.statements() if one.decision == first}
    assert len(told) == 40 and set(told.values()) == {NOW + 5}
    assert [one.item for one in place.statements() if one.until is None] == ["b07"]


def test_decisions_that_are_found_in_force_are_stated_from_when_they_and_the_item_began(place):
    place.decide("takedown", "item:i1", expires_at=NOW + 100_000)
    place.decide("strike", "author:ann", parameters={"points": 10}, expires_at=NOW + 100_000)
    place.decide("suppress", "topic:late", expires_at=NOW + 100_000)
    place.store.items.put_items([ItemRecord("i9", "ann", topics=("late",), published_at=NOW + 3000)]).result()
    place.clock.advance(5000)
    place.restart()
    place.turn()
    assert place.spans() == [("", 0, None), ("i1", 0, None), ("i9", 3000, None)]
