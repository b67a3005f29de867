"""What callers see when something under the service fails: 503 and when to come again, and nothing stale."""

from __future__ import annotations

import contextlib
import sqlite3

from feed.storage.records import EventRecord
from tests.journeys.http_service import decision, running, until


def test_without_a_fresh_lease_no_page_is_served_and_events_are_still_taken(tmp_path):
    with running(tmp_path, lease=0.4) as http:
        http.put_items()
        page = http.call("GET", "/v1/feed?reader=r1", "feed").json()
        http.service.replica.close()
        until(lambda: not http.service.replica.fresh())
        since = f"{page['revision']}.{page['edition']}.{page['as_of']}"
        for path in (
            "/v1/feed?reader=r1",
            "/v1/items/item-1",
            "/v1/items/item-1/related?reader=r1",
            f"/v1/revocations?since={since}",
        ):
            answer = http.call("GET", path, "feed")
            http.problem(answer, 503, "controls-stale")
            assert answer.headers["retry-after"] == "1"
        assert http.client.get("/livez").status_code == 200
        ready = http.client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "not-ready")
        events = [{"client_id": "c", "item": "item-1", "kind": "click"}]
        reported = http.call("POST", "/v1/events", "reader", subject="r1", json={"events": events})
        assert reported.json()["accepted"] == 1


def test_a_decision_that_a_replica_does_not_obey_in_time_is_durable_and_names_it(tmp_path):
    with running(tmp_path, enforced_timeout=0.3) as http:
        http.put_items()
        http.service.replica.close()
        body = decision("suppress", "item-1", http.service.clock.now())
        answer = http.call("POST", "/v1/decisions", "editor", json=body)
        assert answer.status_code == 201
        enforced = answer.json()["enforced"]
        assert (enforced["replicas"], enforced["acked"], enforced["lagging"]) == (1, 0, ["local"])
        assert http.service.store.ledger.head() == 1


def test_a_store_that_is_gone_is_a_problem_that_passes(tmp_path):
    with running(tmp_path) as http:
        http.put_items()
        http.service.store.close()
        events = [{"client_id": "c", "item": "item-1", "kind": "click"}]
        answer = http.call("POST", "/v1/events", "reader", subject="r1", json={"events": events})
        http.problem(answer, 503, "storage-failed")
        assert "retry-after" in answer.headers
        assert str(tmp_path) not in answer.text
        assert http.client.get("/readyz").status_code == 503


def test_an_issuer_that_cannot_be_read_is_told_and_local_tokens_go_on(tmp_path):
    with running(tmp_path, jwks_url="http://127.0.0.1:9/keys") as http:
        told = http.client.get("/readyz").json()
        assert told["status"] == "degraded"
        assert "issuer" in {check["name"] for check in told["checks"]}
        assert http.call("GET", "/v1/readers/r1/settings", "reader", subject="r1").status_code == 200


def test_a_full_queue_of_writes_is_told_to_come_again(tmp_path):
    with running(tmp_path, write_queue=500) as http:
        now = http.service.clock.now()
        waiting = [EventRecord("r1", f"w{number}", "item-1", 1, now, now, 0, "", 1) for number in range(500)]
        other = sqlite3.connect(http.service.settings.store_file, isolation_level=None)
        with contextlib.closing(other):
            # Another program holds the file's write lock: the writer waits, and behind it the queue fills.
            other.execute("BEGIN IMMEDIATE")
            batch = http.service.store.events.append(waiting)
            until(lambda: http.service.store.queue_depth() > 0)
            events = [{"client_id": f"c{number}", "item": "item-1", "kind": "click"} for number in range(500)]
            answer = http.call("POST", "/v1/events", "reader", subject="r1", json={"events": events})
            other.execute("ROLLBACK")
        http.problem(answer, 503, "store-busy")
        assert answer.headers["retry-after"] == "1"
        assert len(batch.result()) == 500
        assert http.service.store.events.count() == 500


def test_a_page_that_is_not_recorded_yet_is_not_said_to_be_gone(tmp_path):
    with running(tmp_path, write_patience=0.1) as http:
        http.put_items()
        other = sqlite3.connect(http.service.settings.store_file, isolation_level=None)
        with contextlib.closing(other):
            other.execute("BEGIN IMMEDIATE")
            page = http.call("GET", "/v1/feed?reader=r1", "feed").json()
            why = f"/v1/feed/{page['request_id']}/why/{page['items'][0]['id']}"
            answer = http.call("GET", why, "feed")
            other.execute("ROLLBACK")
        http.problem(answer, 503, "store-slow")
        assert answer.headers["retry-after"] == "1"
        until(lambda: http.call("GET", why, "feed").status_code == 200)
