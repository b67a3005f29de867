"""A service on a store in memory with a clock that a test moves, behind its HTTP API, and persons who decide."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from httpx import Response
from starlette.testclient import TestClient

from feed.app import create_app
from feed.bootstrap import open_service
from feed.clock import ManualClock
from feed.settings import Settings
from feed.storage.memory import MemoryStore
from tests.journeys.http_service import Http

NOW = 1_800_000_000
BASIS = {"kind": "terms", "clause": "4.2"}


@contextmanager
def office(home: Path, items: int = 24, **chosen: Any) -> Iterator[Http]:
    """A service with items, on which high-impact acts need two persons unless a test says otherwise."""
    chosen = {"rate_personal": 0, "rate_service": 0, "popular_every": 0, **chosen}
    service = open_service(Settings(home=home, **chosen), ManualClock(NOW), MemoryStore())
    app = create_app(service)
    with TestClient(app, raise_server_exceptions=False) as client:
        http = Http(service, app, client)
        http.put_items(items)
        yield http


def act(kind: str, about: str = "", **more: Any) -> dict[str, Any]:
    """The body of a decision; ``about`` is ``item:x`` or the like, empty for the platform."""
    where, _, id = about.partition(":")
    subject = {"subject": {"kind": where, "id": id}} if about else {}
    return {"type": kind, **subject, "reason": "for the test", "basis": BASIS, "expires_at": NOW + 3600 * 200, **more}


def send(http: Http, who: str, path: str, body: Any = None, key: str = "", **headers: str) -> Response:
    """POST as ``name/scope``, such as ``mo/moderator``."""
    subject, _, scope = who.partition("/")
    given = {**({"Idempotency-Key": key} if key else {}), **headers}
    return http.call("POST", path, scope, subject=subject, json=body, headers=given)


def read(http: Http, path: str) -> Any:
    """What an auditor reads."""
    answer = http.call("GET", path, "auditor", subject="aud")
    assert answer.status_code == 200, answer.text
    return answer.json()
