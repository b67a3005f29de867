"""A reader's token reaches that reader, an author's that author: asked of every route that lets such tokens in.

A new route that does must be put into one of the tables here, or the first test fails.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from httpx import Response

from controls.scopes import Audience
from feed.access.caller import Caller
from feed.http.wire import key_of
from tests.journeys.http_service import until
from tests.unit.feed.cases.case_office import Office, act, office

ME, OTHER = "a0", "a1"
"""Both a reader and an author each; items i0 and i2 are by a0, i1 and i3 by a1."""

Foreign = Callable[[Office], Response]


def as_me(desk: Office, scope: str, method: str, path: str, **more: Any) -> Response:
    return desk.call(method, path, f"{scope}:{ME}", **more)


def why_of_another(desk: Office) -> Response:
    page = desk.done("GET", "/v1/feed", f"reader:{OTHER}")
    return as_me(desk, "reader", "GET", f"/v1/feed/{page['request_id']}/why/{page['items'][0]['id']}")


def events_of_another(desk: Office) -> Response:
    event = {"client_id": "x", "reader": OTHER, "item": "i1", "kind": "click"}
    return as_me(desk, "reader", "POST", "/v1/events", json={"events": [event]})


def import_of_another(desk: Office) -> Response:
    line = orjson.dumps({"id": "i1", "author": ME, "title": "mine now"})
    return as_me(
        desk, "author", "POST", "/v1/items/import", content=line, headers={"Content-Type": "application/x-ndjson"}
    )


def statement_to_another(desk: Office) -> Response:
    desk.done("POST", "/v1/decisions", "moderator:mod", json=act("takedown", "i3"))
    addressed: list[Any] = []

    def stated() -> bool:
        addressed.extend(desk.done("GET", f"/v1/authors/{OTHER}/statements", f"author:{OTHER}")["statements"])
        return bool(addressed)

    until(stated)
    return as_me(desk, "author", "GET", f"/v1/statements/{addressed[0]['id']}")


def appeal_for_another(desk: Office) -> Response:
    decided = desk.done("POST", "/v1/decisions", "moderator:mod", json=act("suppress", "i1"))["decision"]["id"]
    return as_me(desk, "author", "POST", "/v1/appeals", json={"decision": decided, "text": "let me"})


def in_a_community(method: str, path: str, **more: Any) -> Foreign:
    return lambda desk: as_me(desk, "reader", method, f"/v1/communities/club{path}", **more)


FOREIGN: dict[str, tuple[Foreign, int]] = {
    "GET /v1/feed": (lambda desk: as_me(desk, "reader", "GET", f"/v1/feed?reader={OTHER}"), 403),
    "GET /v1/items/{item}/related": (
        lambda desk: as_me(desk, "reader", "GET", f"/v1/items/i1/related?reader={OTHER}"),
        403,
    ),
    "GET /v1/feed/{request_id}/why/{item}": (why_of_another, 403),
    "POST /v1/events": (events_of_another, 403),
    "PUT /v1/items/{item}": (lambda desk: as_me(desk, "author", "PUT", "/v1/items/i1", json={"title": "mine"}), 403),
    "DELETE /v1/items/{item}": (lambda desk: as_me(desk, "author", "DELETE", "/v1/items/i1"), 403),
    "POST /v1/items/import": (import_of_another, 200),
    "GET /v1/items/{item}/verdict": (lambda desk: as_me(desk, "author", "GET", "/v1/items/i1/verdict"), 403),
    "GET /v1/statements/{statement}": (statement_to_another, 404),
    "POST /v1/appeals": (appeal_for_another, 403),
    "PUT /v1/communities/{community}": (in_a_community("PUT", "", json={"name": "mine"}), 403),
    "POST /v1/communities/{community}/decisions": (in_a_community("POST", "/decisions", json=act("suppress")), 403),
    "POST /v1/communities/{community}/policy": (
        in_a_community("POST", "/policy", content="name: x\n", headers={"Content-Type": "application/yaml"}),
        403,
    ),
    "POST /v1/communities/{community}/escalations": (
        in_a_community("POST", "/escalations", json={"item": "i1", "reason": "x"}),
        403,
    ),
}
"""What belongs to another, asked for by a personal token, and how that is answered."""

ALIKE = {
    "GET /v1/items/{item}",
    "GET /v1/revocations",
    "GET /v1/communities/{community}",
    "POST /v1/reports",
    "GET /v1/reports/{report}",
    "GET /v1/appeals/{appeal}",
}
"""Routes that belong to nobody: they answer all readers of an audience alike, are made in the token's own name, or are
for whoever has a receipt."""

BY_RECEIPT = {"POST /v1/appeals", "GET /v1/reports/{report}", "GET /v1/appeals/{appeal}"}
"""Open routes under /v1 that nevertheless are about one person's things."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("own")) as opened:
        opened.done("PUT", "/v1/communities/club", "admin:root", json={"name": "Club", "founder": OTHER})
        for person in (ME, OTHER):
            opened.done("PUT", f"/v1/authors/{person}", "admin:root", json={"name": person})
        yield opened


def personal(desk: Office) -> dict[str, set[str]]:
    """Routes that let a reader's or author's token in, with those scopes of theirs."""
    found = {}
    for path, operations in desk.client.app.openapi()["paths"].items():  # type: ignore[attr-defined]
        for method, operation in operations.items():
            scopes = {scope for one in operation.get("security", ()) for scope in one["bearer"]}
            route = f"{method.upper()} {path}"
            if scopes & {"reader", "author"} or route in BY_RECEIPT:
                found[route] = scopes & {"reader", "author"}
    return found


def owned_by_path(route: str) -> bool:
    return "{reader}" in route or "{author}" in route


def test_every_route_that_lets_a_personal_token_in_says_whose_things_it_reaches(desk):
    assert {route for route in personal(desk) if not owned_by_path(route)} == FOREIGN.keys() | ALIKE


def test_a_path_that_names_a_person_is_for_that_persons_token_alone(desk):
    paths = {route: scopes for route, scopes in personal(desk).items() if owned_by_path(route)}
    assert len(paths) > 14
    for route, scopes in paths.items():
        method, _, path = route.partition(" ")
        for scope in scopes:
            assert f"{{{scope}}}" in path, f"{route} lets {scope} in, and names another kind of person"
            filled = re.sub(r"\{\w+\}", "i1", path.replace(f"{{{scope}}}", OTHER))
            for asked in (filled, filled.replace(OTHER, OTHER.upper()), filled.replace(OTHER, f"{ME}x")):
                answer = as_me(desk, scope, method, asked, json=None if method == "GET" else {})
                told = answer.json()
                assert (answer.status_code, told["type"]) == (403, "/problems/not-yours"), (route, asked, told)


@pytest.mark.parametrize("route", FOREIGN)
def test_what_belongs_to_another_is_refused(desk, route):
    ask, status = FOREIGN[route]
    before = desk.store.ledger.head()
    answer = ask(desk)
    assert answer.status_code == status, answer.text
    if route == "POST /v1/items/import":
        assert [orjson.loads(line).get("status") for line in answer.content.splitlines()] == ["refused", None]
    if "appeals" not in route and "statements" not in route:
        assert desk.store.ledger.head() == before
    item = desk.store.items.item("i1")
    assert item is not None
    assert (item.author, item.title, item.withdrawn) == (OTHER, "Item 1", False)
    assert desk.store.events.of_reader(OTHER, 10) == []


def test_a_cursor_of_another_reader_or_surface_continues_nothing(desk):
    cursor = desk.done("GET", "/v1/feed?limit=1", f"reader:{OTHER}")["cursor"]
    for path in (f"/v1/feed?cursor={cursor}", f"/v1/feed?surface=topic:news&cursor={cursor}"):
        desk.refused(400, "cursor-foreign", "GET", path, f"reader:{ME}")
    desk.refused(400, "cursor-foreign", "GET", f"/v1/items/i0/related?cursor={cursor}", f"reader:{OTHER}")


def test_an_api_key_of_a_reader_reaches_that_reader_alone(desk):
    key = desk.done("POST", "/v1/keys", "admin:root", json={"name": "phone", "scopes": ["reader"], "subject": ME})[
        "key"
    ]
    headers = {"Authorization": f"Bearer {key}"}
    assert desk.call("GET", f"/v1/readers/{ME}/settings", headers=headers).status_code == 200
    assert desk.call("GET", f"/v1/readers/{OTHER}/settings", headers=headers).status_code == 403


def test_a_key_under_which_something_was_done_names_nobody_and_is_each_callers_own():
    first, second = (Caller(name, frozenset(), "", Audience(), "") for name in (ME, OTHER))
    assert ME not in key_of(first, "k")
    assert key_of(first, "k") != key_of(second, "k")
    assert key_of(first, "k") != key_of(first, "l")
