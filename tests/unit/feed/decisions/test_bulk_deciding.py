"""One act on many subjects: looked at first, then all or none, and undone as one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controls.authority import Principal
from controls.errors import DecidedSince
from feed.decisions.bulk import proposals_of
from feed.schemas.pending import BulkIn
from tests.unit.feed.decisions.deciding_office import BASIS, NOW, act, office, read, send

WHY = {"reason": "a mistake", "basis": BASIS}


@pytest.fixture
def http(tmp_path):
    with office(tmp_path) as running:
        yield running


def bulk(kind, *about, **more):
    subjects = [dict(zip(("kind", "id"), one.split(":"), strict=True)) for one in about]
    return {"decision": act(kind, **more), "subjects": subjects, "dry_run": True}


def looked_at(http, body, who="mo/moderator"):
    answer = send(http, who, "/v1/decisions/bulk", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def made(http, body, who="mo/moderator", key="", status=201):
    digest = looked_at(http, body, who)["digest"]
    answer = send(http, who, "/v1/decisions/bulk", {**body, "dry_run": False, "digest": digest}, key)
    assert answer.status_code == status, answer.text
    return answer.json()


def head(http):
    return http.service.store.ledger.head()


def shown(http):
    page = http.call("GET", "/v1/feed?reader=r1&limit=30&mode=latest", "feed").json()
    return {item["id"] for item in page["items"]}


def test_a_dry_run_tells_what_would_become_of_each_subject_and_decides_nothing(http):
    send(http, "mo/moderator", "/v1/decisions", act("takedown", "item:item-2"))
    told = looked_at(http, bulk("restrict", "item:item-1", "item:item-2", "item:later"))
    effects = [(one["before"], one["after"], one["items"], one["waits"], one["newest"]) for one in told["subjects"]]
    assert effects == [
        ({"standard": 1}, {"restricted": 1}, 1, False, 0),
        ({"blocked": 1}, {"blocked": 1}, 1, False, 1),
        ({}, {}, 0, True, 0),
    ]
    assert (told["refused"], told["needs_second_person"], head(http)) == (0, False, 1)


def test_a_dry_run_of_a_restore_tells_what_would_be_back(http):
    send(http, "mo/moderator", "/v1/decisions", act("takedown", "item:item-2"))
    told = looked_at(http, bulk("restore", "item:item-1", "item:item-2", expires_at=None))
    assert [one["problem"] for one in told["subjects"]] == ["nothing-to-restore", ""]
    assert [one["after"] for one in told["subjects"]] == [None, {"standard": 1}]
    assert told["refused"] == 1


def test_a_dry_run_of_an_author_counts_the_items(http):
    (effect,) = looked_at(http, bulk("suppress", "author:author-1"))["subjects"]
    assert (effect["before"], effect["after"]) == ({"standard": 8}, {"held": 8})


def test_many_are_decided_in_one_transaction_and_undone_in_one(http):
    items = [f"item:item-{number}" for number in range(10)]
    told = made(http, bulk("takedown", *items))
    assert [one["revision"] for one in told["decisions"]] == list(range(1, 11))
    assert [one["id"] for one in told["decisions"]] == [f"{told['bulk']}.{n}" for n in range(10)]
    assert told["enforced"]["acked"] == 1
    assert shown(http) == {f"item-{number}" for number in range(10, 24)}
    one = told["decisions"][3]["id"]
    send(http, "mo/moderator", f"/v1/decisions/{one}/reverse", WHY)
    undone = send(http, "mo/moderator", f"/v1/decisions/bulk/{told['bulk']}/reverse", WHY, "u")
    assert len(undone.json()["decisions"]) == 9 and head(http) == 20
    assert len(shown(http)) == 24
    again = send(http, "mo/moderator", f"/v1/decisions/bulk/{told['bulk']}/reverse", WHY, "u").json()
    assert again["bulk"] == undone.json()["bulk"] and head(http) == 20
    late = send(http, "mo/moderator", f"/v1/decisions/bulk/{told['bulk']}/reverse", WHY)
    http.problem(late, 409, "already-reversed")
    listed = read(http, f"/v1/decisions/bulk/{told['bulk']}")["decisions"]
    assert all(one["reversed_by"] for one in listed) and len(listed) == 10
    http.problem(send(http, "mo/moderator", "/v1/decisions/bulk/none/reverse", WHY), 404, "not-found")


def test_what_was_not_looked_at_or_changed_since_is_refused(http):
    body = bulk("takedown", "item:item-1", "item:item-2")
    real = {**body, "dry_run": False}
    http.problem(send(http, "mo/moderator", "/v1/decisions/bulk", real), 422, "invalid-decision")
    digest = looked_at(http, body)["digest"]
    other = {**real, "digest": digest, "decision": {**body["decision"], "reason": "another"}}
    http.problem(send(http, "mo/moderator", "/v1/decisions/bulk", other), 412, "decided-since")
    http.problem(send(http, "max/moderator", "/v1/decisions/bulk", {**real, "digest": digest}), 412, "decided-since")
    send(http, "ed/editor", "/v1/decisions", act("suppress", "item:item-2"))
    late = send(http, "mo/moderator", "/v1/decisions/bulk", {**real, "digest": digest})
    http.problem(late, 412, "decided-since")
    assert head(http) == 1


def test_if_one_is_refused_none_is_decided(http):
    body = bulk("restore", "item:item-1", "item:item-2", expires_at=None)
    send(http, "mo/moderator", "/v1/decisions", act("takedown", "item:item-2"))
    digest = looked_at(http, body)["digest"]
    answer = send(http, "mo/moderator", "/v1/decisions/bulk", {**body, "dry_run": False, "digest": digest})
    told = http.problem(answer, 422, "input-invalid")
    assert [error["field"] for error in told["errors"]] == ["subjects.0"]
    assert head(http) == 1


def test_the_same_key_decides_many_once(http):
    body = bulk("takedown", "item:item-1", "item:item-2")
    digest = looked_at(http, body)["digest"]
    real = {**body, "dry_run": False, "digest": digest}
    first = send(http, "mo/moderator", "/v1/decisions/bulk", real, "k").json()
    again = send(http, "mo/moderator", "/v1/decisions/bulk", real, "k")
    assert (again.status_code, again.json()["bulk"], head(http)) == (201, first["bulk"], 2)


@pytest.mark.parametrize("kind", ["pin", "reverse", "freeze", "publish_policy", "activate_model"])
def test_what_is_done_one_at_a_time_is_refused(http, kind):
    answer = send(http, "root/admin", "/v1/decisions/bulk", bulk(kind, "item:item-1"))
    assert http.problem(answer, 422, "invalid-decision")["errors"][0]["field"] == "decision.type"


def test_subjects_are_named_once_and_are_not_too_many(http):
    twice = bulk("takedown", "item:item-1", "item:item-1")
    http.problem(send(http, "mo/moderator", "/v1/decisions/bulk", twice), 422, "invalid-decision")
    many = bulk("takedown", *(f"item:i{number}" for number in range(501)))
    http.problem(send(http, "mo/moderator", "/v1/decisions/bulk", many), 422, "input-invalid")


def test_many_of_high_impact_wait_for_a_second_person_together(http):
    body = bulk("suppress", "author:author-1", "topic:music")
    told = made(http, body, key="k", status=202)
    assert len(told["proposals"]) == 2 and head(http) == 0
    path = f"/v1/decisions/{told['id']}/approve"
    http.problem(send(http, "mo/moderator", path), 403, "needs-approval")
    decided = send(http, "max/moderator", path).json()
    assert [one["approved_by"] for one in decided["decisions"]] == ["max", "max"]
    assert decided["bulk"] == told["id"] and head(http) == 2
    assert send(http, "mia/moderator", path).json()["bulk"] == told["id"] and head(http) == 2
    back = send(http, "mo/moderator", f"/v1/decisions/bulk/{told['id']}/reverse", WHY)
    assert back.status_code == 201 and head(http) == 4


def test_what_changed_while_many_waited_is_refused_when_they_are_approved(http):
    told = made(http, bulk("suppress", "author:author-1", "topic:music"), status=202)
    send(http, "ed/editor", "/v1/decisions", act("boost", "topic:music", parameters={"factor": 2.0}))
    answer = send(http, "max/moderator", f"/v1/decisions/{told['id']}/approve")
    http.problem(answer, 412, "decided-since")
    assert head(http) == 1


def test_a_decision_that_comes_between_the_look_and_the_act_is_seen_by_the_ledger(http):
    body = BulkIn.model_validate({**bulk("takedown", "item:item-1", "item:item-2"), "dry_run": False})
    mo = Principal("mo", frozenset({"moderator"}), "moderator")
    proposals = [replace(one, expected_revision=0) for one in proposals_of(body, None)]
    http.service.decisions.decide(replace(proposals[0], expected_revision=None), mo, NOW).result()
    with pytest.raises(DecidedSince):
        http.service.decisions.decide_all(proposals, mo, NOW, id="b")
    assert head(http) == 1
