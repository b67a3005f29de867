"""Labels as they are given: by classifiers in their own name, each judged by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from feed.access.caller import CLASSIFIER, SCOPES
from feed.app import create_app
from feed.bootstrap import open_service
from feed.settings import Settings
from feed.storage.memory import MemoryStore
from tests.journeys.http_service import Http


@pytest.fixture(scope="module")
def http(tmp_path_factory) -> Iterator[Http]:
    home = tmp_path_factory.mktemp("labels")
    service = open_service(Settings(home=home, rate_personal=0, rate_service=0), store=MemoryStore())
    app = create_app(service)
    with TestClient(app, raise_server_exceptions=False) as client:
        http = Http(service, app, client)
        for item in ("a", "b", "c"):
            http.call("PUT", f"/v1/items/{item}", "admin", json={"author": "ada"})
        yield http


def give(
    http: Http, *labels: dict[str, Any], scope: str = CLASSIFIER, subject: str = "spotter"
) -> list[dict[str, Any]]:
    answer = http.call("POST", "/v1/labels", scope, subject=subject, json={"labels": list(labels)})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    assert told["accepted"] + told["older"] + told["rejected"] == len(labels)
    return list(told["results"])


@pytest.mark.parametrize("score", [-0.01, 1.01, 7, -1e300])
def test_a_score_out_of_range_is_rejected_and_the_others_of_its_batch_are_not(http, score):
    bad, good = {"item": "a", "name": "odd", "score": score}, {"item": "b", "name": "odd", "score": 1}
    first, second = give(http, bad, good)
    assert (first["status"], first["reason"]) == ("rejected", "score: out of range; give a number from 0 to 1")
    assert second["status"] == "accepted"
    assert http.service.store.items.labels("a") == []


@pytest.mark.parametrize("score", ["0.5", None, True, "NaN", [1]])
def test_what_is_no_number_refuses_the_batch_by_its_place(http, score):
    body = {"labels": [{"item": "a", "name": "odd", "score": score}]}
    told = http.problem(http.call("POST", "/v1/labels", CLASSIFIER, json=body), 422, "input-invalid")
    assert {error["field"] for error in told["errors"]} == {"labels.0.score"}


def test_a_classifier_gives_labels_in_its_own_name_or_that_of_a_version(http):
    own, version, other = give(
        http,
        {"item": "a", "name": "spam", "score": 0.5},
        {"item": "b", "name": "spam", "score": 0.5, "given_by": "spotter:2027-01"},
        {"item": "c", "name": "spam", "score": 0.5, "given_by": "somebody-else"},
    )
    assert (own["status"], version["status"], other["status"]) == ("accepted", "accepted", "rejected")
    assert other["reason"].startswith("given_by: ")
    given = [http.service.store.items.labels(item) for item in ("a", "b", "c")]
    assert [one[-1].given_by if one else "" for one in given] == ["spotter", "spotter:2027-01", ""]


def test_a_person_may_pass_on_what_a_model_said_but_not_speak_as_one(http):
    said, relayed = give(
        http,
        {"item": "a", "name": "hate", "score": 1},
        {"item": "b", "name": "hate", "score": 0.7, "given_by": "spotter"},
        scope="moderator",
        subject="mo",
    )
    assert said["status"] == "rejected"
    assert "decision of type label" in said["reason"]
    assert relayed["status"] == "accepted"


def test_late_labels_change_nothing_and_labels_of_the_future_are_rejected(http):
    now = http.service.clock.now()
    give(http, {"item": "c", "name": "late", "score": 0.9, "given_at": now - 10})
    late, early = give(
        http,
        {"item": "c", "name": "late", "score": 0.1, "given_at": now - 3600},
        {"item": "c", "name": "late", "score": 0.1, "given_at": now + 3600},
    )
    assert (late["status"], early["status"]) == ("older", "rejected")
    assert early["reason"].startswith("given_at: ")
    assert [label.score for label in http.service.store.items.labels("c") if label.name == "late"] == [0.9]


def test_the_scope_of_classifiers_opens_labels_and_nothing_else(http):
    assert CLASSIFIER in SCOPES
    now = http.service.clock.now()
    decision = {
        "type": "takedown",
        "subject": {"kind": "item", "id": "a"},
        "reason": "x",
        "basis": {"kind": "terms", "clause": "1"},
        "review_by": now + 60,
    }
    for method, path, body in (
        ("POST", "/v1/decisions", decision),
        ("PUT", "/v1/items/z", {}),
        ("GET", "/v1/items/a", None),
        ("GET", "/v1/items/a/verdict", None),
        ("GET", "/v1/items/a/copies", None),
        ("GET", "/v1/feed?reader=r", None),
    ):
        http.problem(http.call(method, path, CLASSIFIER, json=body), 403, "scope-missing")
