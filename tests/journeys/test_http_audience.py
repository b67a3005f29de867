"""What a reader stored about themselves counts on every path, and no client holds up those who decide (laws 5, 11)."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np

from controls.scopes import AgeClass, Audience
from feed.access.caller import Caller
from feed.access.keys import load_secret
from feed.observing.loop_metrics import Count
from feed.pages.cursor import Cursors, Session
from feed.readers.loading import ReaderLoading
from feed.routes import feed as feed_route
from feed.routes.feed import FeedEndpoint
from tests.journeys.http_service import Http, decision


def test_an_item_taken_down_for_an_audience_is_hidden_from_who_said_to_be_of_it(http: Http) -> None:
    """The token says adult and the settings minor: nobody knows, so the strictest holds."""
    child = http.bearer("reader", subject="kid", audience=Audience("DE", AgeClass.ADULT, "de"))
    page = http.client.get("/v1/feed?limit=24", headers=child).json()
    since = f"{page['revision']}.{page['edition']}.{page['as_of']}"
    made = decision("takedown", "item-4", http.service.clock.now(), scope={"audience": "minor"})
    assert http.call("POST", "/v1/decisions", "moderator", json=made).status_code == 201
    assert http.client.get("/v1/items/item-4", headers=child).status_code == 200
    assert http.client.get(f"/v1/revocations?since={since}", headers=child).json()["items"] == []
    http.client.patch("/v1/readers/kid/settings", headers=child, json={"age": "minor"}).raise_for_status()
    http.problem(http.client.get("/v1/items/item-4", headers=child), 404, "unknown-item")
    assert http.client.get(f"/v1/revocations?since={since}", headers=child).json()["items"] == ["item-4"]


def test_a_position_from_a_future_that_is_gone_drops_everything(http: Http) -> None:
    snapshot = http.service.replica.snapshot()
    for ahead in ((1, 0, 0), (0, 1, 0), (0, 0, 3600)):
        now = (snapshot.revision, snapshot.edition, snapshot.as_of)
        since = ".".join(str(part + more) for part, more in zip(now, ahead, strict=True))
        assert http.call("GET", f"/v1/revocations?since={since}", "feed").json()["reset"]


def test_a_cursor_of_a_larger_store_under_the_same_secret_has_expired(http: Http) -> None:
    cursors = Cursors(load_secret(http.service.settings), 3600)
    now = http.service.clock.now()
    session = Session(np.array([10**6], np.int32), np.array([1], np.uint8), now, now)
    cursor = cursors.encode(session, "r1", "home:")
    answer = http.call("GET", "/v1/feed", "feed", params={"reader": "r1", "cursor": cursor})
    http.problem(answer, 400, "cursor-expired")


def test_a_client_that_does_not_read_holds_no_decision_up(http: Http, monkeypatch: Any) -> None:
    monkeypatch.setattr(feed_route, "SEND_SECONDS", 0.05)
    caller = Caller("app", frozenset(("feed",)), "", Audience(), "app")
    scope = {"query_string": b"reader=r1", "state": {"caller": caller}, "path": "/v1/feed", "path_params": {}}
    sent: list[Any] = []

    async def never(message: Any) -> None:
        await asyncio.Event().wait()
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("a feed has no body to read")

    loading = ReaderLoading(http.service.readers, 5.0, Count())
    asyncio.run(asyncio.wait_for(FeedEndpoint(http.service, loading)(scope, receive, never), 10))
    assert sent == []
    told = http.call("POST", "/v1/decisions", "editor", json=decision("suppress", "item-2", http.service.clock.now()))
    assert told.json()["enforced"]["acked"] == 1
