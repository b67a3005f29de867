"""Law 11: acknowledged is durable; enforced is told. Played over HTTP on a real process that is killed."""

from __future__ import annotations

import asyncio
import signal
import threading

import httpx
import pytest

from feed.clock import SystemClock
from tests.journeys.http_service import decision, running, until
from tests.journeys.killable_server import served


def _event(number: int) -> dict[str, object]:
    return {"client_id": f"c{number}", "reader": "r1", "item": f"i{number}", "kind": "click"}


@pytest.mark.journey
def test_everything_acknowledged_before_kill_9_is_there_after_a_restart(tmp_path):
    acknowledged: list[int] = []
    decided: list[str] = []
    with served(tmp_path) as (client, process):
        for number in range(20):
            assert client.put(f"/v1/items/i{number}", json={"title": f"Item {number}"}).status_code in (200, 201)

        def drive() -> None:
            number = 0
            try:
                while True:
                    batch = [_event(number + n) for n in range(5)]
                    if client.post("/v1/events", json={"events": batch}).status_code == 200:
                        acknowledged.extend(range(number, number + 5))
                    number += 5
                    if number % 50 == 0:
                        body = decision("takedown", f"i{number // 50 % 20}", SystemClock().now())
                        told = client.post("/v1/decisions", json=body)
                        if told.status_code == 201:
                            decided.append(told.json()["decision"]["id"])
            except httpx.TransportError:
                return

        driver = threading.Thread(target=drive)
        driver.start()
        until(lambda: len(decided) >= 3, 60)
        process.send_signal(signal.SIGKILL)
        driver.join(30)
    assert len(acknowledged) >= 150

    with served(tmp_path) as (client, _):
        kept = {one["item"] for one in client.get("/v1/readers/r1/export").json()["events"]}
        ledger = {one["id"] for one in client.get("/v1/decisions?limit=100").json()["decisions"]}
        page = client.get("/v1/feed?reader=r2&limit=30").json()
        gone = {one["subject"]["id"] for one in client.get("/v1/decisions?limit=100").json()["decisions"]}
    assert {f"i{number}" for number in acknowledged} <= kept
    assert set(decided) <= ledger
    assert gone
    assert gone.isdisjoint(item["id"] for item in page["items"])


def test_a_revision_is_acknowledged_only_when_no_unanswered_request_holds_an_older_snapshot(tmp_path):
    with running(tmp_path, enforced_timeout=0.2) as http:
        http.put_items()
        replica, now = http.service.replica, http.service.clock.now()
        held = replica.reading()
        older = held.__enter__()
        told = http.call("POST", "/v1/decisions", "moderator", json=decision("takedown", "item-1", now)).json()
        assert told["enforced"]["acked"] == 0
        assert told["enforced"]["lagging"] == ["local"]
        assert replica.latest().revision == told["decision"]["revision"] > older.revision
        held.__exit__(None, None, None)
        enforced = asyncio.run(replica.enforced(told["decision"]["revision"], 5.0))
        assert (enforced.acked, enforced.lagging) == (1, ())


def test_a_decision_is_obeyed_by_every_page_asked_for_after_its_answer(tmp_path):
    with running(tmp_path) as http:
        http.put_items()
        for number in range(12):
            body = decision("takedown", f"item-{number}", http.service.clock.now())
            told = http.call("POST", "/v1/decisions", "moderator", json=body).json()
            assert told["enforced"]["acked"] == told["enforced"]["replicas"] == 1
            page = http.call("GET", "/v1/feed?reader=r1&limit=24", "feed").json()
            assert {f"item-{n}" for n in range(number + 1)}.isdisjoint(item["id"] for item in page["items"])
