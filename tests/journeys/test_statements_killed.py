"""Statements of a server that is killed while it writes them: the next one writes the others, and none twice."""

from __future__ import annotations

from collections import Counter

from feed.clock import SystemClock
from tests.journeys.http_service import until
from tests.journeys.killable_server import Client, served

ITEMS = 600


def test_statements_that_a_kill_cut_off_are_issued_by_the_next_server_and_none_twice(tmp_path):
    with served(tmp_path) as (client, process):
        now = SystemClock().now()
        lines = "\n".join(
            f'{{"id":"i{number}","author":"ann","title":"t","published_at":{now - 60}}}' for number in range(ITEMS)
        )
        put = client.post("/v1/items/import", content=lines, headers={"Content-Type": "application/x-ndjson"})
        assert put.is_success, put.text
        until(lambda: client.get(f"/v1/items/i{ITEMS - 1}/verdict").is_success)
        body = {
            "type": "boost",
            "subject": {"kind": "author", "id": "ann"},
            "parameters": {"factor": 0.5},
            "reason": "It was asked for",
            "basis": {"kind": "terms", "clause": "4.2"},
            "expires_at": now + 3600,
        }
        decided = client.post("/v1/decisions", json=body)
        assert decided.status_code == 201, decided.text
        decision = decided.json()["decision"]["id"]
        until(lambda: client.get("/v1/authors/ann/statements?limit=1").json()["statements"] != [])
        process.kill()
        process.wait()
    with served(tmp_path) as (client, _):
        until(lambda: len(statements(client)) >= ITEMS, 60)
        told = statements(client)
    assert Counter(one["item"] for one in told) == {f"i{number}": 1 for number in range(ITEMS)}
    assert {one["decision"] for one in told} == {decision}
    assert {one["until"] for one in told} == {None}


def statements(client: Client) -> list[dict[str, object]]:
    """All statements to the author."""
    found: list[dict[str, object]] = []
    after: str | None = ""
    while after is not None:
        page = client.get("/v1/authors/ann/statements", params={"limit": 200, "after": after}).json()
        found += page["statements"]
        after = page["next"]
    return found
