"""Items have a text, and their copies can be asked for."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest
from starlette.testclient import TestClient

from feed.app import create_app
from feed.bootstrap import open_service
from feed.settings import Settings
from feed.storage.memory import MemoryStore
from tests.journeys.http_service import Http
from tests.unit.feed.items.test_families import OTHER, STORY

NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture
def http(tmp_path) -> Iterator[Http]:
    service = open_service(Settings(home=tmp_path, rate_personal=0, rate_service=0), store=MemoryStore())
    app = create_app(service)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Http(service, app, client)


def test_an_item_keeps_its_text_and_shows_it(http):
    put = http.call("PUT", "/v1/items/a", "admin", json={"author": "ada", "title": "Bridge", "text": STORY})
    assert put.status_code == 200, put.text
    assert put.json()["text"] == STORY
    assert http.service.store.items.item("a").text == STORY
    too_long = http.call("PUT", "/v1/items/a", "admin", json={"text": "x" * 20_001})
    told = http.problem(too_long, 422, "input-invalid")
    assert [error["field"] for error in told["errors"]] == ["text"]


def test_copies_are_told_to_moderators_with_how_alike_they_are(http):
    http.call("PUT", "/v1/items/a", "admin", json={"author": "ada", "title": "Bridge", "text": STORY})
    http.call("PUT", "/v1/items/b", "admin", json={"author": "bob", "title": "Bridge!", "text": STORY + " Indeed."})
    lines = [{"id": "c", "author": "cyd", "text": "Bridge " + STORY}, {"id": "d", "author": "dot", "text": OTHER}]
    http.call("POST", "/v1/items/import", "admin", content=b"\n".join(map(orjson.dumps, lines)), headers=NDJSON)
    told = http.call("GET", "/v1/items/a/copies", "moderator").json()
    assert {copy["id"] for copy in told["copies"]} == {"b", "c"}
    assert told["count"] == 2
    exact, close = sorted(told["copies"], key=lambda copy: -copy["likeness"])
    assert (exact["id"], exact["likeness"]) == ("c", 1.0)
    assert 0.9 < close["likeness"] < 1.0
    assert http.call("GET", "/v1/items/d/copies", "moderator").json() == {"item": "d", "count": 0, "copies": []}
    http.problem(http.call("GET", "/v1/items/nothing/copies", "moderator"), 404, "unknown-item")
    http.problem(http.call("GET", "/v1/items/a/copies?limit=0", "moderator"), 422, "input-invalid")
