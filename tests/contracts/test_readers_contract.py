"""Readers: settings with a version, and erasure that reaches everything (law 8)."""

from __future__ import annotations

import pytest

from controls.decisions import DecisionType, Subject, SubjectKind
from feed.storage.errors import VersionConflict
from feed.storage.records import Erasure, ReaderRecord
from tests.contracts.making import decision, event, serving


def test_an_unknown_reader_has_version_zero(store):
    assert store.readers.get("ada") == ReaderRecord("ada", "{}", 0, 0)


def test_saving_counts_the_version_up(store):
    saved = store.readers.save(ReaderRecord("ada", '{"mode":"latest"}', updated_at=50), 0).result()
    assert saved == ReaderRecord("ada", '{"mode":"latest"}', 1, 50)
    assert store.readers.get("ada") == saved
    assert store.readers.save(ReaderRecord("ada", "{}", updated_at=60), 1).result().version == 2
    assert store.readers.save(ReaderRecord("ada", "{}", version=40), None).result().version == 3


def test_many_readers_are_known_at_once(store):
    saved = [store.readers.save(ReaderRecord(f"r{n}", f'{{"n":{n}}}', updated_at=n), 0) for n in range(0, 1200, 2)]
    expected = {one.result().reader: one.result() for one in saved}
    assert store.readers.known([f"r{n}" for n in range(1200)]) == expected
    assert store.readers.known([]) == {}
    assert store.readers.known(["nobody"]) == {}


def test_the_pasts_of_many_readers_are_read_at_once(store):
    store.readers.save(ReaderRecord("ada", '{"mode":"latest","hidden":["\u00e9"]}', updated_at=5), 0).result()
    made = [event(reader, f"c{n}", item=f"i{n}") for n in range(5) for reader in ("ada", "bob", "eve")]
    store.events.append(made).result()
    asked = ["bob", "nobody", "ada"]
    pasts = store.readers.pasts(asked, 3)
    assert [record for record, _ in pasts] == [store.readers.get(reader) for reader in asked]
    assert [events for _, events in pasts] == [store.events.of_reader(reader, 3) for reader in asked]
    assert [len(events) for _, events in pasts] == [3, 0, 3]
    assert store.readers.pasts([], 3) == []


def test_of_two_savers_with_the_same_version_one_is_told(store):
    store.readers.save(ReaderRecord("ada"), 0).result()
    first = store.readers.save(ReaderRecord("ada", '{"a":1}'), 1)
    second = store.readers.save(ReaderRecord("ada", '{"b":1}'), 1)
    assert first.result().version == 2
    with pytest.raises(VersionConflict, match="version 2, not 1") as told:
        second.result()
    assert told.value.stored == 2
    assert store.readers.get("ada").settings == '{"a":1}'


def test_erasing_a_reader_leaves_nothing_and_counts_it(store):
    store.readers.save(ReaderRecord("ada", '{"mode":"latest"}'), 0).result()
    store.events.append([event(client_id="a"), event(client_id="b"), event("bob")]).result()
    store.servings.record([serving("q1"), serving("q2"), serving("q3", "bob")]).result()
    assert store.readers.erase("ada", 100).result() == Erasure(events=2, settings=1, servings=2)
    assert store.readers.get("ada") == ReaderRecord("ada")
    assert store.events.of_reader("ada", 10) == []
    emptied = store.servings.get("q1")
    assert (emptied.reader, emptied.inputs, emptied.items, emptied.erased) == ("", b"", b"", True)
    assert (emptied.revision, emptied.edition, emptied.as_of) == (3, 2, 99)
    assert store.servings.get("q3") == serving("q3", "bob")
    assert len(store.events.of_reader("bob", 10)) == 1


def test_erasing_an_unknown_reader_counts_nothing(store):
    assert store.readers.erase("nobody", 100).result() == Erasure(0, 0, 0)


def test_erasing_a_reader_takes_their_name_from_decisions_and_leaves_every_proof_as_it_was(store):
    made = [decision("a", actor="ada"), decision("b"), decision("c", approved_by="ada"), decision("d", actor="adam")]
    for one in made:
        store.ledger.append(one).result()
    before = store.log.root(4), [store.log.inclusion(revision, 4) for revision in range(1, 5)]
    leaves = [entry.leaf for entry in store.log.entries(0)]
    assert store.readers.erase("ada", 100).result() == Erasure(0, 0, 0, decisions=2)
    erased, untouched, approved, namesake = store.ledger.since(0)
    assert (erased.actor, erased.role, erased.reason) == ("", "", made[0].reason)
    assert (approved.actor, approved.approved_by) == ("", None)
    assert (untouched.actor, namesake.actor) == ("eve", "adam")
    assert [sorted(entry.attachments) for entry in store.log.entries(0)] == [
        ["reason"],
        ["persons", "reason"],
        ["reason"],
        ["persons", "reason"],
    ]
    assert [entry.leaf for entry in store.log.entries(0)] == leaves
    assert (store.log.root(4), [store.log.inclusion(revision, 4) for revision in range(1, 5)]) == before
    assert store.readers.erase("ada", 100).result().decisions == 0


def test_erasing_a_reader_takes_their_name_from_grants_and_leaves_who_granted_them(store):
    powers = [{"person": person, "power": "manager"} for person in ("ada", "bob")]
    for number, parameters in enumerate(powers):
        community = Subject(SubjectKind.COMMUNITY, "c")
        made = decision(f"g{number}", type=DecisionType.GRANT, subject=community, parameters=parameters)
        store.ledger.append(made).result()
    assert store.readers.erase("ada", 100).result().decisions == 1
    erased, kept = store.ledger.since(0)
    assert erased.parameters["person"].startswith("erased:") and erased.parameters["power"] == "manager"
    assert erased.actor == "eve"
    assert kept.parameters == powers[1]
    assert store.readers.erase("ada", 100).result().decisions == 0


def test_a_decision_that_was_under_way_when_its_maker_was_erased_names_nobody_either(store):
    futures = [store.ledger.append(decision(f"d{n}", actor="ada")) for n in range(50)]
    erased = store.readers.erase("ada", 100)
    assert erased.result().decisions == len(futures)
    assert {one.actor for one in store.ledger.since(0)} == {""}


def test_what_the_service_and_the_command_line_decided_stays_theirs_whatever_a_reader_is_called(store):
    store.ledger.append(decision("a", actor="operator")).result()
    assert store.readers.erase("operator", 100).result().decisions == 0
    assert store.ledger.by_id("a").actor == "operator"


def test_a_serving_that_is_recorded_after_its_reader_was_erased_is_stored_empty(store):
    store.readers.erase("ada", 100).result()
    store.servings.record(
        [serving("late", served_at=99), serving("later", served_at=103), serving("b", "bob")]
    ).result()
    late = store.servings.get("late")
    assert (late.reader, late.inputs, late.items, late.erased) == ("", b"", b"", True)
    assert store.servings.get("later") == serving("later", served_at=103)
    assert not store.servings.get("b").erased


def test_a_serving_that_is_recorded_after_its_history_was_forgotten_is_stored_empty(store):
    store.events.forget("ada", "i1", at=100).result()
    store.servings.record([serving("late", served_at=100), serving("later", served_at=103)]).result()
    assert (store.servings.get("late").erased, store.servings.get("later").erased) == (True, False)


def test_what_was_submitted_before_an_erasure_is_erased(store):
    futures = [store.servings.record([serving(f"q{n}")]) for n in range(20)]
    futures += [store.events.append([event(client_id=str(n))]) for n in range(20)]
    futures += [store.readers.save(ReaderRecord("ada"), None)]
    assert store.readers.erase("ada", 100).result() == Erasure(20, 1, 20)
    assert all(future.done() for future in futures)


def test_every_forgetting_is_counted_and_nothing_else(store):
    def after(*writes):
        for write in writes:
            write.result()
        return store.readers.forgettings()

    off, on = '{"personalization":false}', '{"personalization":true}'
    assert store.readers.forgettings() == 0
    assert after(store.events.append([event(client_id="a"), event(client_id="b", item="other")])) == 0
    assert after(store.readers.save(ReaderRecord("ada", '{"mode":"latest"}'), 0)) == 0
    assert after(store.events.forget("ada", "other", at=100)) == 1
    assert after(store.readers.save(ReaderRecord("ada", off), None)) == 2
    assert after(store.readers.save(ReaderRecord("ada", '{"personalization":false,"mode":"latest"}'), None)) == 2
    assert after(store.readers.save(ReaderRecord("ada", on), None)) == 2
    assert after(store.readers.save(ReaderRecord("bob", "unreadable"), None)) == 3
    assert after(store.events.forget("ada", at=100)) == 4
    assert after(store.readers.erase("ada", 100)) == 5
    # A save that is refused takes nothing back.
    with pytest.raises(VersionConflict):
        store.readers.save(ReaderRecord("eve", off), 7).result()
    assert after(store.servings.expire(before=10**10)) == 5
