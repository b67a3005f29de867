"""Later copies of what was taken down are held before anybody sees them."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest

from controls.cases import CaseKind
from tests.journeys.http_service import Http
from tests.unit.feed.decisions.deciding_office import office, send
from tests.unit.feed.items.publishing_desk import NDJSON, cases, decide, put, visible
from tests.unit.feed.items.test_families import OTHER, STORY


@pytest.fixture
def http(tmp_path) -> Iterator[Http]:
    with office(tmp_path, items=1, approvals=False) as running:
        yield running


def test_a_later_copy_of_what_was_taken_down_is_held_before_it_is_shown(http):
    put(http, "a")
    assert visible(http, "a")
    takedown = decide(http, "takedown", "item:a", basis={"kind": "law", "clause": "9"})
    told = put(http, "b", STORY.replace("old bridge", "ancient bridge"), author="bob")
    assert told["state"] == "held"
    assert not visible(http, "b")
    (case,) = cases(http, "b")
    assert case.about["takedown"] == takedown
    assert takedown in case.reason
    hold = http.service.store.ledger.listing(before=None, limit=10, subject="b")
    assert [(one.actor, one.basis.clause, dict(one.parameters)) for one in hold] == [("weir", "9", {"hold": "copy"})]
    assert put(http, "other", OTHER, author="cyd")["state"] == "published"
    decide(http, "release", "item:b")
    assert visible(http, "b")
    assert put(http, "b", STORY + " More.", author="bob")["state"] == "held"
    assert len(http.service.store.ledger.listing(before=None, limit=10, subject="b")) == 3


def test_a_clock_that_is_behind_lets_nothing_by_what_was_decided_to_act_at_once(http):
    put(http, "a")
    decide(http, "takedown", "item:a")
    decide(http, "restrict_author", "author:cyd", parameters={"service": "pre_review"})
    http.service.clock.set_back(3)
    assert put(http, "copy", author="bob")["state"] == "held"
    assert put(http, "new", OTHER, author="cyd")["state"] == "held"
    http.service.clock.advance(60)
    assert not visible(http, "copy")
    assert not visible(http, "new")


def test_what_was_taken_down_cannot_leave_its_family_by_another_text(http):
    put(http, "a")
    decide(http, "takedown", "item:a")
    assert put(http, "a", OTHER)["state"] == "withheld"
    assert put(http, "again", author="bob")["state"] == "held"


def test_imported_copies_of_what_was_taken_down_are_held_too(http):
    put(http, "a")
    decide(http, "takedown", "item:a")
    lines = [{"id": f"copy-{n}", "author": "bob", "text": STORY + f" {n}"} for n in range(3)]
    answer = http.call(
        "POST", "/v1/items/import", "admin", content=b"\n".join(map(orjson.dumps, lines)), headers=NDJSON
    )
    told = [orjson.loads(line) for line in answer.text.splitlines()]
    assert [line["state"] for line in told[:-1]] == ["held"] * 3
    assert not visible(http, "copy-1")


def test_a_copy_of_what_was_restored_is_published(http):
    put(http, "a")
    decide(http, "takedown", "item:a")
    body = {
        "type": "restore",
        "subject": {"kind": "item", "id": "a"},
        "reason": "r",
        "basis": {"kind": "law", "clause": "1"},
    }
    assert send(http, "mo/moderator", "/v1/decisions", body).status_code == 201
    assert put(http, "b", author="bob")["state"] == "published"


def test_a_later_copy_of_what_was_corrected_is_shown_and_looked_at(http):
    put(http, "a")
    http.settled()
    parameters = {"notice": "disputed", "text": "The bridge stays open."}
    correction = decide(http, "correct", "item:a", parameters=parameters)
    told = put(http, "b", author="bob")
    assert told["state"] == "published"
    (case,) = cases(http, "b")
    assert (case.id, case.kind, case.category) == (told["case"], CaseKind.REVIEW, "corrected")
    assert correction in case.reason
    assert put(http, "c", OTHER, author="bob")["case"] == ""
