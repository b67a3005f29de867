"""Law 12: nobody, and no page, has a path that the public, authorised, logged API does not have."""

from __future__ import annotations

import pytest
from fastapi.routing import APIRoute

from feed.http.wire import scopes_of
from tests.journeys.http_service import running

UNSCOPED_WRITES = {"/report", "/v1/appeals"}
"""Routes that write without credentials, each bounded: anybody may report by the form, and whoever holds the receipt of
a report made so may appeal against its end (DSA 16 and 20)."""


@pytest.fixture(scope="module")
def http(tmp_path_factory):
    with running(tmp_path_factory.mktemp("weir")) as http:
        yield http


def test_every_route_under_v1_is_in_the_public_document(http):
    document = http.app.openapi()
    served = {
        (getattr(route, "path_format", route.path), method)
        for route in http.app.routes
        for method in (route.methods or set()) - {"HEAD"}
        if route.path.startswith("/v1/")
    }
    told = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    assert served
    assert served <= told


def test_every_write_wants_a_scope(http):
    open_to_all = {
        route.path
        for route in http.app.routes
        if isinstance(route, APIRoute) and not set(route.methods or ()) <= {"GET", "HEAD"} and not scopes_of(route)
    }
    assert open_to_all == UNSCOPED_WRITES


def test_routes_outside_v1_only_read(http):
    outside = [route for route in http.app.routes if not route.path.startswith("/v1/")]
    assert {"/livez", "/readyz", "/metrics", "/docs"} <= {route.path for route in outside}
    assert {route.path for route in outside if not route.methods <= {"GET", "HEAD"}} == {"/report"}


def test_every_decision_names_who_made_it(http):
    http.put_items()
    body = {
        "type": "suppress",
        "subject": {"kind": "item", "id": "item-1"},
        "reason": "because",
        "basis": {"kind": "editorial", "clause": "1"},
        "expires_at": http.service.clock.now() + 600,
    }
    http.call("POST", "/v1/decisions", "editor", subject="eve", json=body)
    made = http.call("GET", "/v1/decisions", "auditor").json()["decisions"]
    assert [(one["actor"], one["role"]) for one in made] == [("eve", "editor")]
