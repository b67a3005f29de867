"""What stories of evidence and corrections share: a service on either store, copies of an item, and acts on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from feed.app import create_app
from feed.bootstrap import open_service
from feed.settings import Settings
from feed.storage.memory import MemoryStore
from tests.journeys.http_service import Http, decision, running

TEXT = "The bridge over the river was closed this morning after a survey found cracks in two of its four pillars. "


@contextmanager
def story(home: Path, where: str, **chosen: Any) -> Iterator[Http]:
    """A service on a store in memory or on a file, with items: ``copied`` and ``copy`` are near-duplicates."""
    if where == "sqlite":
        with running(home, **chosen) as http:
            told(http)
            yield http
        return
    quick = {"rate_personal": 0, "rate_service": 0, "popular_every": 0, **chosen}
    service = open_service(Settings(home=home, **quick), store=MemoryStore())
    app = create_app(service)
    with TestClient(app, raise_server_exceptions=False) as client:
        http = Http(service, app, client)
        told(http)
        yield http


def told(http: Http) -> None:
    """Publish the items, unless they are there already."""
    if http.service.store.items.count():
        return
    http.put_items()
    http.call("PUT", "/v1/authors/ada", "admin", json={"name": "Ada"})
    for item, text in (("copied", TEXT), ("copy", TEXT + "Indeed."), ("other", "Nothing of the kind was said. " * 5)):
        put = http.call("PUT", f"/v1/items/{item}", "admin", json={"author": "ada", "title": "Bridge", "text": text})
        assert put.status_code == 200, put.text
    http.settled()


def decide(http: Http, kind: str, item: str, **more: Any) -> Any:
    """A moderator's decision about an item; the answer's body."""
    body = decision(kind, item, http.service.clock.now(), **more)
    answer = http.call("POST", "/v1/decisions", "moderator", subject="mo", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def expose(http: Http, *readers: str, item: str = "copied") -> None:
    """Impressions of an item by readers, a minute ago."""
    at = http.service.clock.now() - 60
    events = [
        {"client_id": f"shown {item}", "reader": reader, "item": item, "kind": "impression", "occurred_at": at}
        for reader in readers
    ]
    answer = http.call("POST", "/v1/events", "events", json={"events": events})
    assert answer.json()["accepted"] == len(readers), answer.text


def page(http: Http, reader: str, **query: Any) -> Any:
    """A page of a reader's feed."""
    answer = http.call("GET", "/v1/feed", "feed", params={"reader": reader, "limit": 5, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()
