"""Requests that cross each other on the way to one decision: each is told what truly became of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.feed.decisions.deciding_office import act, office, read, send

SUBJECTS = [{"kind": "item", "id": f"item-{n}"} for n in range(3)]


@pytest.fixture
def http(tmp_path):
    with office(tmp_path) as running:
        yield running


def proposed(http):
    return send(http, "mo/moderator", "/v1/decisions", act("takedown", "author:author-1")).json()["id"]


def test_a_proposal_that_is_being_approved_is_not_declined(http):
    id = proposed(http)
    decide, said = http.service.decisions.decide, []

    def slowly(*proposal, **more):
        said.append(send(http, "mo/moderator", f"/v1/decisions/{id}/decline", {"reason": "no"}))
        return decide(*proposal, **more)

    http.service.decisions.decide = slowly
    assert send(http, "mi/moderator", f"/v1/decisions/{id}/approve").status_code == 201
    assert [one.status_code for one in said] == [410]
    assert read(http, f"/v1/decisions/pending/{id}")["state"] == "approved"


def test_a_proposal_that_is_being_declined_is_not_approved(http):
    id = proposed(http)
    by_id = http.service.store.ledger.decided_under
    said: list[Any] = []

    def slowly(once):
        found = by_id(once)
        if not said:
            said.append(send(http, "mo/moderator", f"/v1/decisions/{id}/decline", {"reason": "no"}))
        return found

    http.service.store.ledger.decided_under = slowly
    assert send(http, "mi/moderator", f"/v1/decisions/{id}/approve").status_code == 410
    assert [one.status_code for one in said] == [200]
    assert http.service.store.ledger.head() == 0


def test_a_proposal_whose_approval_was_refused_can_be_declined(http):
    id = proposed(http)
    assert send(http, "mo/moderator", f"/v1/decisions/{id}/approve").status_code == 403
    assert send(http, "mo/moderator", f"/v1/decisions/{id}/decline", {"reason": "no"}).status_code == 200


def test_the_same_request_about_many_sent_twice_at_once_is_answered_twice_alike(http):
    body = {"decision": act("suppress"), "subjects": SUBJECTS, "dry_run": True}
    digest = send(http, "mo/moderator", "/v1/decisions/bulk", body).json()["digest"]
    body |= {"dry_run": False, "digest": digest}
    newest = http.service.decisions.newest_about
    first: list[Any] = []

    def slowly(subject):
        if not first:
            first.append(None)
            first.append(send(http, "mo/moderator", "/v1/decisions/bulk", body, "k"))
        return newest(subject)

    http.service.decisions.newest_about = slowly
    second = send(http, "mo/moderator", "/v1/decisions/bulk", body, "k")
    assert (first[1].status_code, second.status_code) == (201, 201)
    assert first[1].json()["bulk"] == second.json()["bulk"]
    assert http.service.store.ledger.head() == 3


def test_many_acts_on_what_has_no_items_are_looked_at_and_told(http):
    body = {"decision": act("suppress"), "subjects": [{"kind": "platform", "id": ""}], "dry_run": True}
    told = send(http, "mo/moderator", "/v1/decisions/bulk", body)
    assert told.status_code == 200
    assert told.json()["subjects"][0]["problem"] == "invalid-decision"


def test_a_key_that_something_was_proposed_under_decides_nothing_else(http):
    assert send(http, "mo/moderator", "/v1/decisions", act("takedown", "author:author-1"), "k").status_code == 202
    assert send(http, "mo/moderator", "/v1/decisions", act("takedown", "item:item-1"), "k").status_code == 409
    assert http.service.store.ledger.head() == 0
