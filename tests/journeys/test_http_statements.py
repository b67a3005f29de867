"""Statements of reasons over HTTP: an act, what its author is told, and its end."""

from __future__ import annotations

from typing import Any

import pytest

from controls.statements import StatementFields
from tests.journeys.http_service import Http, decision, until


def act(http: Http, kind: str, item: str, **more: Any) -> str:
    """Decide as a moderator; the decision's id."""
    body = decision(kind, item, http.service.clock.now(), **more)
    if kind == "restore":
        del body["expires_at"]
    answer = http.call("POST", "/v1/decisions", "moderator", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["decision"]["id"])


def statements(http: Http, author: str, query: str = "") -> list[dict[str, Any]]:
    answer = http.call("GET", f"/v1/authors/{author}/statements{query}", "author", subject=author)
    assert answer.status_code == 200, answer.text
    told: list[dict[str, Any]] = answer.json()["statements"]
    return told


def test_a_takedown_is_told_to_its_author_with_reasons_and_a_way_to_appeal_until_it_is_restored(http):
    taken = act(http, "takedown", "item-0")
    until(lambda: len(statements(http, "author-0")) == 1)
    (told,) = statements(http, "author-0")
    assert (told["item"], told["author"], told["decision"], told["until"]) == ("item-0", "author-0", taken, None)
    fields = StatementFields.model_validate(told["fields"])
    assert fields.incompatible_content_explanation == "takedown for the test"
    assert told["appeal"]["body"] == {"statement": told["id"]} and told["appeal"]["post"] == "/v1/appeals"
    assert statements(http, "author-1") == []

    act(http, "restore", "item-0")
    until(lambda: statements(http, "author-0", "?state=ended") != [])
    (ended,) = statements(http, "author-0")
    assert ended["until"] >= ended["from_at"] and ended["fields"] == told["fields"]
    assert statements(http, "author-0", "?state=open") == []


def test_one_statement_tells_how_often_the_item_was_shown_before_and_after(http):
    now = http.service.clock.now()
    shown = {"kind": "impression", "item": "item-3", "occurred_at": now - 60}
    events = [{"client_id": f"e{number}", "reader": f"r{number}", **shown} for number in range(5)]
    assert http.call("POST", "/v1/events", "events", json={"events": events}).status_code == 200
    act(http, "suppress", "item-3")
    until(lambda: statements(http, "author-0") != [])
    (told,) = statements(http, "author-0")
    path = f"/v1/statements/{told['id']}"
    for scopes, subject in (("author", "author-0"), ("auditor", "somebody")):
        read = http.call("GET", path, scopes, subject=subject)
        assert read.status_code == 200, read.text
        assert read.json()["statement"] == told
        assert read.json()["exposures"] == {"seconds": 604_800, "before": 5, "after": 0}
    again = http.call("GET", path, "auditor", headers={"If-None-Match": read.headers["etag"]})
    assert again.status_code == 304
    http.problem(http.call("GET", path, "author", subject="author-1"), 404, "not-found")


def test_an_authors_token_reads_its_own_statements_only(shared_http):
    foreign = shared_http.call("GET", "/v1/authors/author-1/statements", "author", subject="author-0")
    shared_http.problem(foreign, 403, "not-yours")


def test_long_lists_of_statements_are_read_page_by_page(http):
    for number in range(0, 12, 3):
        act(http, "suppress", f"item-{number}")
    until(lambda: len(statements(http, "author-0")) == 4)
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        answer = http.call("GET", f"/v1/authors/author-0/statements?limit=3&after={after}", "auditor").json()
        seen += [one["id"] for one in answer["statements"]]
        after = answer["next"]
    assert seen == [one["id"] for one in statements(http, "author-0")]


@pytest.mark.parametrize("after", ["x", "1", "1.", "9999999999999999.r1"])
def test_a_place_that_no_answer_told_is_refused(shared_http, after):
    answer = shared_http.call("GET", f"/v1/authors/author-0/statements?after={after}", "auditor")
    shared_http.problem(answer, 422, "input-invalid")
