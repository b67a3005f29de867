"""Those who publish and those who decide about it, over HTTP, for tests."""

from __future__ import annotations

from typing import Any

from feed.cases.papers import case_of, cases_of
from tests.journeys.http_service import Http
from tests.unit.feed.decisions.deciding_office import act, send
from tests.unit.feed.items.test_families import STORY

NDJSON = {"Content-Type": "application/x-ndjson"}


def put(http: Http, item: str, text: str = STORY, author: str = "ada", status: int = 200, **more: Any) -> Any:
    body = {"text": text, "author": author, **more}
    answer = http.call("PUT", f"/v1/items/{item}", "author", subject=author, json=body)
    assert answer.status_code == status, answer.text
    return answer.json() if status == 200 else answer


def decide(http: Http, kind: str, about: str, **more: Any) -> str:
    body = act(kind, about, **more)
    if kind in ("release", "verify_identity"):
        del body["expires_at"]
    answer = send(http, "mo/admin", "/v1/decisions", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["decision"]["id"])


def cases(http: Http, item: str) -> list[Any]:
    return [case_of(entry) for entry in cases_of(http.service.store).find(subject=item)]


def visible(http: Http, item: str) -> bool:
    http.settled()
    return bool(http.call("GET", f"/v1/items/{item}", "feed").status_code == 200)


def verdict(http: Http, item: str) -> Any:
    http.settled()
    return http.call("GET", f"/v1/items/{item}/verdict", "moderator").json()


def publish_policy(http: Http, text: str) -> None:
    draft = http.call(
        "POST", "/v1/policy/drafts", "policy", content=text, headers={"Content-Type": "application/yaml"}
    ).json()
    done = http.call("POST", f"/v1/policy/drafts/{draft['version']}/publish", "policy", json={"reason": "test"})
    assert done.status_code == 201, done.text
