"""Every route against every scope, and whose things each caller reaches. The routes are asked of the application."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.routing import Route

from feed.access.caller import SCOPES
from tests.journeys.http_service import Http, running

ANYBODY = frozenset(("anonymous", *SCOPES))
INSPECTING = {"editor", "moderator", "policy", "auditor"}
MEMBERS = {"reader", "author", "editor", "moderator"}
DECIDING = {"editor", "moderator", "policy", "experimenter"}

# Who may call what, written down a second time: a change of the code alone must fail here. `admin` may everything.
MATRIX: dict[str, frozenset[str] | set[str]] = {
    "GET /v1/feed": {"feed", "reader"},
    "GET /v1/items/{item}/related": {"feed", "reader"},
    "GET /v1/feed/{request_id}/why/{item}": {"feed", "reader", "auditor"},
    "POST /v1/events": {"events", "reader"},
    "PUT /v1/items/{item}": {"author"},
    "GET /v1/items/{item}": {"feed", "reader", "author", *INSPECTING},
    "DELETE /v1/items/{item}": {"author"},
    "POST /v1/items/import": {"author"},
    "GET /v1/items/{item}/copies": {"moderator", "auditor"},
    "GET /v1/items/{item}/verdict": {"author", *INSPECTING},
    "GET /v1/revocations": {"feed", "reader"},
    "PUT /v1/authors/{author}": {"author"},
    "GET /v1/authors/{author}": {"author", *INSPECTING},
    "PUT /v1/communities/{community}": MEMBERS,
    "GET /v1/communities/{community}": {"feed", "reader", "author", *INSPECTING},
    "POST /v1/communities/{community}/decisions": MEMBERS,
    "POST /v1/communities/{community}/policy": MEMBERS,
    "POST /v1/communities/{community}/escalations": MEMBERS,
    "GET /v1/authors/{author}/standing": {"author", *INSPECTING},
    "GET /v1/authors/{author}/statements": {"author", *INSPECTING},
    "GET /v1/transparency": ANYBODY,
    "GET /transparency": ANYBODY,
    "GET /v1/statements/{statement}": {"author", *INSPECTING},
    "POST /v1/labels": {"classifier", "moderator"},
    "GET /v1/readers/{reader}/settings": {"reader"},
    "PATCH /v1/readers/{reader}/settings": {"reader"},
    "PUT /v1/readers/{reader}/mutes": {"reader"},
    "DELETE /v1/readers/{reader}/mutes": {"reader"},
    "GET /v1/readers/{reader}/history": {"reader"},
    "DELETE /v1/readers/{reader}/history": {"reader"},
    "DELETE /v1/readers/{reader}/history/{item}": {"reader"},
    "GET /v1/readers/{reader}/interests": {"reader"},
    "PATCH /v1/readers/{reader}/interests": {"reader"},
    "GET /v1/readers/{reader}/export": {"reader"},
    "DELETE /v1/readers/{reader}": {"reader"},
    "POST /v1/decisions": DECIDING,
    "GET /v1/decisions": {"experimenter", *INSPECTING},
    "GET /v1/decisions/{decision}": {"experimenter", *INSPECTING},
    "POST /v1/decisions/{decision}/reverse": DECIDING,
    "POST /v1/decisions/{decision}/approve": DECIDING,
    "POST /v1/decisions/{decision}/decline": DECIDING,
    "GET /v1/decisions/pending": {"experimenter", *INSPECTING},
    "GET /v1/decisions/pending/{decision}": {"experimenter", *INSPECTING},
    "POST /v1/decisions/bulk": DECIDING,
    "GET /v1/decisions/bulk/{bulk}": {"experimenter", *INSPECTING},
    "POST /v1/decisions/bulk/{bulk}/reverse": DECIDING,
    "POST /v1/reports": {"reader"},
    "GET /v1/reports/{report}": ANYBODY,
    "GET /report": ANYBODY,
    "POST /report": ANYBODY,
    "GET /report/{report}": ANYBODY,
    # Who has the receipt of a report that ended without action appeals without credentials.
    "POST /v1/appeals": ANYBODY,
    "GET /v1/appeals/{appeal}": ANYBODY,
    "GET /v1/queue": {"moderator", "auditor"},
    "GET /v1/capacity": {"moderator", "auditor"},
    "POST /v1/cases": {"moderator"},
    "POST /v1/orders": {"moderator"},
    "GET /v1/cases/{case}": {"moderator", "auditor"},
    "POST /v1/cases/{case}/claim": {"moderator"},
    "POST /v1/cases/{case}/release": {"moderator"},
    "POST /v1/cases/{case}/escalate": {"moderator"},
    "POST /v1/cases/{case}/resolve": {"moderator"},
    "GET /v1/evidence": {"moderator", "auditor"},
    "GET /v1/decisions/{decision}/evidence": {"moderator", "auditor"},
    "PUT /v1/decisions/{decision}/evidence/hold": set(),
    "DELETE /v1/decisions/{decision}/evidence/hold": set(),
    "GET /v1/corrections/{decision}": INSPECTING,
    "GET /v1/log/checkpoint": ANYBODY,
    "GET /v1/log/keys": ANYBODY,
    "GET /v1/log/entries": ANYBODY,
    "GET /v1/log/proof": ANYBODY,
    "GET /v1/policy": ANYBODY,
    "GET /v1/policy/versions/{version}": {"policy", "moderator", "editor", "auditor"},
    "GET /v1/policy/versions": INSPECTING,
    "POST /v1/policy/rollback": {"policy"},
    "GET /v1/policy/drafts": INSPECTING,
    "GET /v1/policy/drafts/{version}": INSPECTING,
    "POST /v1/policy/drafts/{version}/preview": {"policy"},
    "POST /v1/policy/drafts/{version}/approve": {"policy"},
    "POST /v1/policy/drafts": {"policy"},
    "POST /v1/policy/drafts/{version}/publish": {"policy"},
    "GET /v1/models": {"experimenter", "policy", "auditor"},
    "POST /v1/models/{version}/activate": {"experimenter"},
    "GET /v1/experiments": {"experimenter", "auditor"},
    "POST /v1/experiments": {"experimenter"},
    "GET /v1/experiments/{experiment}": {"experimenter", "auditor"},
    "POST /v1/experiments/{experiment}/stop": {"experimenter"},
    "GET /v1/experiments/{experiment}/results": {"experimenter", "auditor"},
    "POST /v1/keys": set(),
    "GET /v1/keys": set(),
    "DELETE /v1/keys/{name}": set(),
    "GET /livez": ANYBODY,
    "GET /readyz": ANYBODY,
    "GET /metrics": ANYBODY,
    "GET /docs": ANYBODY,
    "GET /openapi.json": ANYBODY,
    "GET /problems": ANYBODY,
    "GET /problems/{name}": ANYBODY,
}

ME = "me"


def routes_of(http: Http) -> Iterator[tuple[str, str]]:
    for route in http.app.routes:
        assert isinstance(route, Route)
        for method in sorted((route.methods or set()) - {"HEAD"}):
            yield method, route.path


def filled(path: str, own: str = ME) -> str:
    """The path with ids in it: the caller's own where there is an owner."""
    names = {
        "reader": own,
        "author": own,
        "item": "item-0",
        "decision": "none",
        "bulk": "none",
        "community": "none",
        "version": "none",
        "name": "none",
        "experiment": "none",
    }
    names["request_id"] = "0" * 32
    names["statement"] = "none"
    names |= {"report": "none", "appeal": "none", "case": "none"}
    for name, value in names.items():
        path = path.replace(f"{{{name}}}", value)
    return path + ("?since=0" if path == "/v1/revocations" else "")


def test_the_matrix_knows_every_route_and_no_other(shared_http):
    assert {f"{method} {path}" for method, path in routes_of(shared_http)} == MATRIX.keys()


@pytest.mark.parametrize("scope", ["anonymous", *SCOPES])
def test_every_route_lets_in_exactly_the_scopes_of_the_matrix(shared_http, scope):
    for method, path in routes_of(shared_http):
        allowed = MATRIX[f"{method} {path}"]
        scopes = () if scope == "anonymous" else (scope,)
        answer = shared_http.call(method, filled(path), *scopes, subject=ME)
        shut = answer.status_code in (401, 403) and answer.json()["type"] in (
            "/problems/scope-missing",
            "/problems/not-authenticated",
        )
        assert shut == (scope != "admin" and scope not in allowed), (method, path, scope, answer.text)
        assert answer.status_code < 500, (method, path, scope, answer.text)
        if shut:
            assert answer.status_code == (401 if scope == "anonymous" else 403)


def test_a_readers_token_reaches_only_that_reader(shared_http):
    paths = [(method, path) for method, path in routes_of(shared_http) if "{reader}" in path]
    assert len(paths) == 11
    for method, path in paths:
        foreign = shared_http.call(method, filled(path, own="r2"), "reader", subject="r1", json={})
        shared_http.problem(foreign, 403, "not-yours")


def test_a_readers_token_gets_only_its_own_pages(shared_http):
    foreign = shared_http.call("GET", "/v1/feed?reader=r2", "reader", subject="r1")
    shared_http.problem(foreign, 403, "not-yours")


def test_an_authors_token_reaches_only_that_authors_things(shared_http):
    author = {"subject": "author-1"}
    for answer in (
        shared_http.call("PUT", "/v1/authors/author-2", "author", json={"name": "x"}, **author),
        shared_http.call("GET", "/v1/authors/author-2", "author", **author),
        shared_http.call("PUT", "/v1/items/item-0", "author", json={"title": "taken over"}, **author),
        shared_http.call("PUT", "/v1/items/new", "author", json={"author": "author-2"}, **author),
        shared_http.call("DELETE", "/v1/items/item-0", "author", **author),
        shared_http.call("GET", "/v1/items/item-0/verdict", "author", **author),
    ):
        shared_http.problem(answer, 403, "not-yours")
    assert shared_http.call("GET", "/v1/items/item-0", "admin").json()["title"] == "Item 0"


def test_an_author_may_not_say_what_rules_test_of_authors(shared_http):
    for field, value in (("standing", 100), ("kind", "public_service"), ("identity", "verified")):
        answer = shared_http.call("PUT", "/v1/authors/me", "author", subject=ME, json={field: value})
        shared_http.problem(answer, 403, "not-allowed")


def test_a_reader_may_only_tighten_region_and_age(shared_http):
    path = f"/v1/readers/{ME}/settings"
    for looser in ({"age": "adult"}, {"age": None}, {"region": "DE"}):
        shared_http.problem(shared_http.call("PATCH", path, "reader", subject=ME, json=looser), 403, "not-allowed")
    for tighter in ({"age": "minor"}, {"region": None}, {"region": ""}):
        assert shared_http.call("PATCH", path, "reader", subject=ME, json=tighter).status_code == 200


def test_events_of_another_reader_are_refused_and_the_whole_batch_with_them(shared_http):
    events = [
        {"client_id": "a", "item": "item-1", "kind": "click"},
        {"client_id": "b", "item": "item-1", "kind": "click", "reader": "victim"},
    ]
    answer = shared_http.call("POST", "/v1/events", "reader", subject="attacker", json={"events": events})
    shared_http.problem(answer, 403, "not-yours")
    assert shared_http.service.store.events.of_reader("attacker", 10) == []
    assert shared_http.service.store.events.of_reader("victim", 10) == []


def test_each_type_of_decision_needs_its_scope(shared_http):
    body = {
        "type": "takedown",
        "subject": {"kind": "item", "id": "item-5"},
        "reason": "x",
        "basis": {"kind": "law", "clause": "1"},
        "review_by": shared_http.service.clock.now() + 3600,
    }
    shared_http.problem(shared_http.call("POST", "/v1/decisions", "editor", json=body), 403, "not-allowed")
    assert shared_http.call("POST", "/v1/decisions", "moderator", json=body).status_code == 201


def test_the_openapi_document_asks_for_the_scopes_of_the_matrix(shared_http):
    document = shared_http.client.get("/openapi.json").json()
    for route, allowed in MATRIX.items():
        method, _, path = route.partition(" ")
        asked = {s for one in document["paths"][path][method.lower()].get("security", ()) for s in one["bearer"]}
        assert asked == (set() if allowed == ANYBODY else {*allowed, "admin"}), route


def test_every_route_is_documented(shared_http):
    document = shared_http.client.get("/openapi.json").json()
    for method, path in routes_of(shared_http):
        operation = document["paths"][path][method.lower()]
        assert operation["summary"], path
        assert len(operation["description"]) > 20, path
        assert operation["tags"], path
        assert any(status.startswith("2") for status in operation["responses"]), path


def test_every_schema_reference_of_the_document_leads_somewhere(shared_http):
    text = shared_http.client.get("/openapi.json").text
    document = shared_http.client.get("/openapi.json").json()
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named
    assert named <= document["components"]["schemas"].keys()
    assert "#/$defs/" not in text


def test_browsers_of_other_origins_are_let_in_only_where_they_are_named(shared_http, tmp_path):
    ours, theirs = {"Origin": "https://app.example"}, {"Origin": "https://evil.example"}
    assert "access-control-allow-origin" not in shared_http.client.get("/v1/policy", headers=ours).headers
    with running(tmp_path, cors_origins=("https://app.example",)) as http:
        allowed = http.client.get("/v1/policy", headers=ours)
        assert allowed.headers["access-control-allow-origin"] == "https://app.example"
        assert "access-control-allow-credentials" not in allowed.headers
        assert "access-control-allow-origin" not in http.client.get("/v1/policy", headers=theirs).headers
        refused = http.client.get("/v1/keys", headers=ours)
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "https://app.example")
        asked = {**ours, "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "if-match"}
        assert http.client.options("/v1/readers/r1/settings", headers=asked).status_code == 200
