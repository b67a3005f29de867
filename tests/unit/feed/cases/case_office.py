"""A service on a store in memory behind its HTTP API, with a few items: what the tests of cases play on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from httpx import Response
from starlette.testclient import TestClient

from controls.scopes import Audience
from feed.access.auth import issue_token
from feed.access.keys import load_secret
from feed.app import create_app
from feed.bootstrap import Service, open_service
from feed.clock import ManualClock
from feed.settings import Settings
from feed.storage.memory import MemoryStore
from feed.storage.records import EventRecord, ItemRecord
from ranking.reader import EventKind

NOW = 1_800_000_000
DAY = 86_400
BASIS = {"kind": "terms", "clause": "4.2"}


class Office:
    """A running service, a clock that stands still, and callers by scope."""

    def __init__(self, service: Service, clock: ManualClock, client: TestClient) -> None:
        self.service = service
        self.store = service.store
        self.clock = clock
        self.client = client

    def call(self, method: str, path: str, who: str = "", **more: Any) -> Response:
        """One request; ``who`` is ``scope:subject``, or empty for nobody."""
        headers = dict(more.pop("headers", {}))
        if who:
            scope, _, subject = who.partition(":")
            secret = load_secret(self.service.settings)
            token = issue_token(secret, subject, (scope,), self.clock.now(), lifetime=600, audience=Audience())
            headers["Authorization"] = f"Bearer {token}"
        answer: Response = self.client.request(method, path, headers=headers, **more)
        return answer

    def done(self, method: str, path: str, who: str = "", **more: Any) -> Any:
        """The JSON of a request that succeeds."""
        answer = self.call(method, path, who, **more)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def refused(self, status: int, name: str, method: str, path: str, who: str = "", **more: Any) -> str:
        """What a refused request is told."""
        answer = self.call(method, path, who, **more)
        assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{name}"), answer.text
        told: str = answer.json()["detail"]
        return told

    def report(self, item: str = "i1", by: str = "r1", category: str = "terms", **more: Any) -> Any:
        """A report by a reader."""
        return self.done("POST", "/v1/reports", f"reader:{by}", json={"item": item, "category": category, **more})

    def queue(self, **query: Any) -> list[Any]:
        """The queue as a moderator sees it."""
        found: list[Any] = self.done("GET", "/v1/queue", "moderator:mod", params=query)["cases"]
        return found

    def claim(self, case: str, by: str = "mod") -> Any:
        """Claim a case."""
        return self.done("POST", f"/v1/cases/{case}/claim", f"moderator:{by}")

    def resolve(self, case: str, by: str = "mod", **more: Any) -> Any:
        """Claim and resolve a case."""
        self.claim(case, by)
        body = {"answer": "looked at it", **more}
        return self.done("POST", f"/v1/cases/{case}/resolve", f"moderator:{by}", json=body)

    def exposures(self, item: str, readers: int) -> None:
        """So many readers see an item now."""
        at = self.clock.now()
        self.store.events.append(
            [
                EventRecord(f"x{n}", f"{item}-{n}-{at}", item, EventKind.IMPRESSION, at, at, 0, "", 1)
                for n in range(readers)
            ]
        ).result()


def act(kind: str, item: str = "i1", **more: Any) -> dict[str, Any]:
    """The body of a decision about an item, for a month."""
    body = {"type": kind, "subject": {"kind": "item", "id": item}, "reason": f"{kind}: rumour", "basis": BASIS}
    return body | {"expires_at": NOW + 30 * DAY} | more


@contextmanager
def office(home: Path, **chosen: Any) -> Iterator[Office]:
    """A service with items i0 to i3 by authors a0 and a1."""
    clock = ManualClock(NOW)
    store = MemoryStore()
    store.items.put_items([ItemRecord(f"i{n}", f"a{n % 2}", f"Item {n}", ("news",), NOW - n) for n in range(4)])
    quiet: dict[str, Any] = {
        "rate_personal": 0,
        "rate_service": 0,
        "popular_every": 0,
        "retrain_every": "off",
        "shed_delay": 0,
    }
    chosen = quiet | chosen
    service = open_service(Settings(home=home, **chosen), clock, store)
    with TestClient(create_app(service), raise_server_exceptions=False) as client:
        service.duties.publish()
        yield Office(service, clock, client)
