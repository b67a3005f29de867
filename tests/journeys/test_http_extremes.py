"""Stores at their edges over HTTP: nothing in them, one item, one reader, all of it blocked, a reader of very much."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from httpx import Response

from feed.readers.views import HISTORY_LIMIT, SEEN_LIMIT
from feed.storage.records import EventRecord
from ranking.reader import EventKind
from tests.journeys.http_service import ITEMS, Http, decision, running

MODES = ("personalized", "popular", "latest", "editorial")
MANY = 100_000


def page(http: Http, reader: str = "r1", **query: Any) -> dict[str, Any]:
    answer = http.call("GET", "/v1/feed", "reader", subject=reader, params={"limit": 30, **query})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def related(http: Http, item: str) -> Response:
    return http.call("GET", f"/v1/items/{item}/related", "reader", subject="r1")


def ids(told: dict[str, Any]) -> list[str]:
    return [item["id"] for item in told["items"]]


def like(http: Http, reader: str, *items: str) -> None:
    events = [{"client_id": item, "reader": reader, "item": item, "kind": "like"} for item in items]
    assert http.call("POST", "/v1/events", "events", json={"events": events}).json()["rejected"] == 0


def test_an_empty_store_serves_empty_pages_and_is_ready_for_more(tmp_path):
    with running(tmp_path) as http:
        for mode in MODES:
            told = page(http, mode=mode)
            assert (told["items"], told["cursor"], told["model"], told["corrections"]) == ([], None, "", [])
        assert page(http, surface="topic:music")["items"] == []
        like(http, "r1", "an-item-to-come")
        assert page(http)["items"] == []
        http.problem(related(http, "an-item-to-come"), 404, "unknown-item")
        assert http.client.get("/readyz").json()["status"] == "degraded"
        http.put_items(1)
        assert ids(page(http, "r2")) == ["item-0"]


def test_one_item_is_a_page_a_session_and_no_relation(tmp_path):
    with running(tmp_path) as http:
        http.put_items(1)
        for mode in MODES:
            told = page(http, mode=mode)
            assert (ids(told), told["cursor"]) == (["item-0"], None)
        assert related(http, "item-0").json()["items"] == []
        like(http, "r1", "item-0")
        assert page(http)["items"] == []
        assert ids(page(http, "r2")) == ["item-0"]


def test_one_reader_is_served_what_they_have_not_consumed_and_is_nobody_elses_taste(tmp_path):
    with running(tmp_path) as http:
        http.put_items()
        liked = [f"item-{number}" for number in range(5)]
        like(http, "r1", *liked)
        http.settled()
        assert sorted(ids(page(http))) == sorted(f"item-{number}" for number in range(5, ITEMS))
        assert len(ids(page(http, "r2"))) == ITEMS
        told = page(http, "r2", mode="popular")
        assert sorted(ids(told)[:5]) == liked
        http.call("DELETE", "/v1/readers/r1", "reader", subject="r1")
        assert len(ids(page(http))) == ITEMS


@pytest.mark.parametrize("mode", MODES)
def test_when_everything_is_blocked_pages_are_empty_and_nothing_is_told_of_the_items(tmp_path, mode):
    with running(tmp_path) as http:
        http.put_items(5)
        like(http, "r1", "item-0")
        begun = page(http, mode=mode, limit=2)
        now = http.service.clock.now()
        http.call("POST", "/v1/decisions", "admin", json=decision("pin", "item-1", now, parameters={"position": 0}))
        for number in range(5):
            body = decision("takedown", f"item-{number}", now)
            assert http.call("POST", "/v1/decisions", "moderator", json=body).status_code == 201
        told = page(http, mode=mode)
        assert (told["items"], told["cursor"]) == ([], None)
        assert page(http, mode=mode, cursor=begun["cursor"])["items"] == []
        http.problem(related(http, "item-0"), 404, "unknown-item")
        http.problem(http.call("GET", "/v1/items/item-0", "feed"), 404, "unknown-item")


def test_a_reader_of_a_hundred_thousand_events_is_served_from_the_newest_and_can_have_and_erase_all(tmp_path):
    with running(tmp_path) as http:
        http.put_items()
        store, now = http.service.store, http.service.clock.now()
        events = [
            EventRecord("r1", f"c{n}", f"item-{n % ITEMS}", EventKind.CLICK, now - MANY + n, now, 0, "", 1)
            for n in range(MANY)
        ]
        for start in range(0, MANY, 20_000):
            store.events.append(events[start : start + 20_000]).result()
        newest = [event._replace(reader="r2") for event in events[-SEEN_LIMIT:]]
        store.events.append(newest).result()
        http.settled()
        catalogue = http.service.replica.latest().catalogue
        much, little = (http.service.readers.get(reader, catalogue).reader for reader in ("r1", "r2"))
        assert much.history.tolist() == little.history.tolist()
        assert much.seen.tolist() == little.seen.tolist()
        assert len(much.history) == HISTORY_LIMIT
        assert sorted(ids(page(http))) == sorted(ids(page(http, "r2")))
        export = http.call("GET", "/v1/readers/r1/export", "reader", subject="r1")
        assert len(orjson.loads(export.content)["events"]) == MANY
        receipt = http.call("DELETE", "/v1/readers/r1", "reader", subject="r1").json()
        assert receipt["rows"]["events"] == MANY
        assert len(ids(page(http))) == ITEMS
