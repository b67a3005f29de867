"""What strangers try over HTTP: taking somebody's place in a case, and places in lists that no answer ever told."""

from __future__ import annotations

import pytest

from tests.unit.feed.cases.case_office import act, office


@pytest.fixture
def desk(tmp_path):
    with office(tmp_path) as opened:
        yield opened


def _form(desk, key, item="i1"):
    fields = {"item": item, "category": "terms", "text": "by the form", "good_faith": "yes", "key": key}
    page = desk.call("POST", "/report", data=fields)
    assert page.status_code == 200
    return page.text


def test_a_form_whose_key_is_a_readers_id_is_not_told_that_readers_receipt(desk):
    receipt = desk.report(by="r1", text="mine")
    assert receipt["id"] not in _form(desk, "r1")
    assert desk.queue()[0]["reports"] == 2


def test_a_form_whose_key_is_a_readers_id_does_not_keep_that_reader_from_reporting(desk):
    page = _form(desk, "r1")
    said = desk.call("POST", "/v1/reports", "reader:r1", json={"item": "i1", "category": "terms", "text": "mine"})
    assert said.status_code == 201
    assert said.json()["id"] not in page
    assert desk.queue()[0]["reports"] == 2


def test_a_place_in_digits_of_no_alphabet_is_refused_by_name(desk):
    desk.refused(422, "input-invalid", "GET", "/v1/authors/a1/statements?after=%C2%B2.x", "moderator:mod")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("resolve", {"outcome": "no_action", "answer": "nothing wrong with it"}),
        ("escalate", {"note": "too hard"}),
        ("release", None),
    ],
)
def test_a_case_that_is_being_ended_with_decisions_ends_with_them_whatever_its_holder_sends_meanwhile(desk, path, body):
    desk.report()
    case = desk.queue()[0]["id"]
    desk.claim(case)
    decide, said = desk.service.decisions.decide_all, []

    def slowly(*proposals, **more):
        said.append(desk.call("POST", f"/v1/cases/{case}/{path}", "moderator:mod", json=body))
        return decide(*proposals, **more)

    desk.service.decisions.decide_all = slowly
    ending = {"outcome": "acted", "answer": "taken down", "decisions": [act("takedown")]}
    ended = desk.done("POST", f"/v1/cases/{case}/resolve", "moderator:mod", json=ending)
    assert [(one.status_code, one.json()["type"]) for one in said] == [(409, "/problems/case-held")]
    assert (ended["outcome"], len(ended["decisions"])) == ("acted", 1)


def test_a_case_whose_decisions_were_refused_can_be_ended_otherwise(desk):
    desk.report()
    case = desk.queue()[0]["id"]
    desk.claim(case)
    path, who = f"/v1/cases/{case}/resolve", "moderator:mod"
    refused = {"outcome": "acted", "answer": "x", "decisions": [act("takedown", expires_at=1)]}
    assert desk.call("POST", path, who, json=refused).status_code == 422
    assert desk.done("POST", path, who, json={"outcome": "no_action", "answer": "x"})["outcome"] == "no_action"


@pytest.mark.parametrize(
    "change",
    [
        {"authority": "Court\0"},
        {"text": "\0"},
        {"subject": {"kind": "item", "id": ""}},
        {"subject": {"kind": "platform", "id": "i1"}},
    ],
)
def test_an_order_that_names_nothing_or_holds_what_no_text_holds_is_refused(desk, change):
    order = {"authority": "Court", "reference": "1", "ground": "law", "text": "remove"}
    body = order | {"subject": {"kind": "item", "id": "i1"}} | change
    desk.refused(422, "input-invalid", "POST", "/v1/orders", "moderator:mod", json=body)
    assert desk.queue() == []


def test_acts_in_a_community_that_ask_for_copies_are_refused_rather_than_made_without(desk):
    founded = {"name": "Club", "founder": "fay"}
    assert desk.call("PUT", "/v1/communities/club", "admin:root", json=founded).status_code == 200
    body = act("takedown") | {"copies": True}
    told = desk.refused(422, "invalid-decision", "POST", "/v1/communities/club/decisions", "reader:fay", json=body)
    assert "copies" in told


def test_two_callers_whose_names_and_keys_read_alike_together_are_told_apart(desk):
    body = act("suppress")
    first = desk.done("POST", "/v1/decisions", "moderator:a", json=body, headers={"Idempotency-Key": "b:c"})
    second = desk.done("POST", "/v1/decisions", "moderator:a:b", json=body, headers={"Idempotency-Key": "c"})
    assert (first["decision"]["actor"], second["decision"]["actor"]) == ("a", "a:b")
    assert first["decision"]["id"] != second["decision"]["id"]
