"""A whole service behind its HTTP API, in one process, on a real SQLite file: what the HTTP journeys play on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI
from httpx import Response
from starlette.testclient import TestClient

from controls.scopes import AgeClass, Audience
from feed.access.auth import issue_token
from feed.access.keys import load_secret
from feed.app import create_app
from feed.bootstrap import Service, open_service
from feed.clock import Clock
from feed.processes.deployment import Deployment
from feed.settings import Settings
from feed.storage.ports.store import Store

AUTHORS = 3
ITEMS = 24
TOPICS = ("news", "sport", "music", "science")


def until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for a condition; fails when it does not come true."""
    ends = time.monotonic() + seconds
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < ends, "the condition did not come true"
        pause.wait(0.01)


class Http:
    """A running service and a client for it."""

    def __init__(self, service: Service, app: FastAPI, client: TestClient) -> None:
        self.service = service
        self.app = app
        self.client = client
        self.secret = load_secret(service.settings)

    def bearer(
        self, *scopes: str, subject: str = "somebody", audience: Audience | None = None, lifetime: int = 600
    ) -> dict[str, str]:
        """Headers of a caller with these scopes."""
        known = audience or Audience("DE", AgeClass.ADULT, "de")
        token = issue_token(self.secret, subject, scopes, self.service.clock.now(), lifetime=lifetime, audience=known)
        return {"Authorization": f"Bearer {token}"}

    def call(self, method: str, path: str, *scopes: str, subject: str = "somebody", **more: Any) -> Response:
        """One request by a caller with these scopes."""
        headers = {**(self.bearer(*scopes, subject=subject) if scopes else {}), **more.pop("headers", {})}
        answer: Response = self.client.request(method, path, headers=headers, **more)
        return answer

    def put_items(self, count: int = ITEMS) -> None:
        """Publish items and wait until the replica knows them."""
        now = self.service.clock.now()
        lines = [
            orjson.dumps(
                {
                    "id": f"item-{number}",
                    "author": f"author-{number % AUTHORS}",
                    "title": f"Item {number}",
                    "topics": [TOPICS[number % len(TOPICS)]],
                    "published_at": now - number * 60,
                }
            )
            for number in range(count)
        ]
        answer = self.call(
            "POST",
            "/v1/items/import",
            "admin",
            content=b"\n".join(lines),
            headers={"Content-Type": "application/x-ndjson"},
        )
        assert answer.status_code == 200, answer.text
        self.settled()

    def settled(self) -> None:
        """Wait until everything that was stored is in an edition, and the replica has it."""
        journal, replica = self.service.store.journal, self.service.replica
        self.service.duties.publish()
        until(lambda: journal.pending() == 0 and replica.latest().edition == journal.head())

    def problem(self, answer: Response, status: int, name: str) -> dict[str, Any]:
        """The problem that an answer is; fails when it is another one."""
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        told: dict[str, Any] = answer.json()
        assert told["type"] == f"/problems/{name}", told
        assert told["status"] == status
        assert told["request_id"] == answer.headers["x-request-id"]
        return told


@contextmanager
def running(
    home: Path,
    clock: Clock | None = None,
    store: Store | None = None,
    deployment: Deployment | None = None,
    **chosen: Any,
) -> Iterator[Http]:
    """A service on a folder, started, and closed at the end. One person decides, unless ``approvals`` are asked for."""
    chosen = {"rate_personal": 0, "rate_service": 0, "popular_every": 0, "approvals": False, "shed_delay": 0, **chosen}
    service = open_service(Settings(home=home, **chosen), clock, store, deployment)
    app = create_app(service)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Http(service, app, client)


def decision(kind: str, item: str, now: int, **more: Any) -> dict[str, Any]:
    """The body of a decision about an item, for an hour."""
    return {
        "type": kind,
        "subject": {"kind": "item", "id": item},
        "reason": f"{kind} for the test",
        "basis": {"kind": "editorial", "clause": "1"},
        "expires_at": now + 3600,
        **more,
    }
