"""Events are kept for their days: let go by the clock, forgotten by readers' states, refused when too late."""

from __future__ import annotations

import anyio
import pytest

from feed.ingest.batch import OLDEST_SECOND, oldest_kept
from feed.operations.retention import EventRetention
from ranking.reader import EventKind
from tests.contracts.making import event
from tests.journeys.http_service import running, until

DAY = 86_400


def stored(http, name, age, **more):
    now = http.service.clock.now()
    http.service.store.events.append([event("ada", name, "i1", at=now - age, received_at=now - age, **more)]).result()


@pytest.fixture
def by_hand(monkeypatch):
    """The clock lets nothing go; the test does."""

    async def nothing(retention):
        pass

    monkeypatch.setattr(EventRetention, "turn", nothing)


TURN = EventRetention.turn


@pytest.mark.usefixtures("by_hand")
def test_events_are_kept_for_their_days_and_counted_when_they_go(tmp_path):
    with running(tmp_path, events_days=40) as http:
        for name, days in (("old", 42), ("older", 43)):
            stored(http, name, days * DAY)
        stored(http, "young", 0)
        catalogue = http.service.replica.latest().catalogue
        http.service.readers.get("ada", catalogue)
        assert len(http.service.readers) == 1
        retention = EventRetention(http.service)
        anyio.run(TURN, retention)
        assert [one.client_id for one in http.service.store.events.of_reader("ada", 9)] == ["young"]
        assert len(http.service.readers) == 0
        assert "weir_events_let_go_total 2.0" in http.client.get("/metrics").text
        http.service.readers.get("ada", catalogue)
        anyio.run(TURN, retention)
        assert len(http.service.readers) == 1  # nothing went, so nobody is forgotten


def test_old_events_go_as_soon_as_a_server_runs(tmp_path):
    with running(tmp_path) as http:
        stored(http, "old", 42 * DAY)
        stored(http, "young", 0)
    with running(tmp_path, events_days=40) as http:
        until(lambda: http.service.store.events.count() == 1)


def test_events_are_kept_until_somebody_erases_them_unless_a_number_of_days_is_set(tmp_path):
    with running(tmp_path) as http:
        stored(http, "old", 9000 * DAY, kind=EventKind.LIKE)
        anyio.run(TURN, EventRetention(http.service))
        assert http.service.store.events.count() == 1


def test_what_occurred_before_the_days_that_are_kept_is_rejected_and_told_why(tmp_path):
    with running(tmp_path, events_days=40) as http:
        now = http.service.clock.now()
        told = [
            {"client_id": "a", "item": "i1", "kind": "click", "reader": "ada", "occurred_at": now - 40 * DAY + 60},
            {"client_id": "b", "item": "i1", "kind": "click", "reader": "ada", "occurred_at": now - 40 * DAY - 1},
        ]
        answer = http.call("POST", "/v1/events", "events", json={"events": told}).json()
        assert [one["status"] for one in answer["results"]] == ["accepted", "rejected"]
        assert answer["results"][1]["reason"] == "occurred_at: longer ago than the 40 days for which events are kept"
        assert http.service.store.events.count() == 1


def test_an_event_that_may_still_come_again_is_kept(tmp_path):
    """One that was stored as far ahead of its time as may be, on the last day on which it is taken."""
    with running(tmp_path, events_days=40) as http:
        now = http.service.clock.now()
        last = event("ada", "a", at=now - 40 * DAY + 60, received_at=now - 40 * DAY + 60 - 300)
        http.service.store.events.append([last]).result()
        anyio.run(TURN, EventRetention(http.service))
        assert http.service.store.events.count() == 1


def test_no_event_is_older_than_the_year_2000_however_long_they_are_kept():
    assert oldest_kept(OLDEST_SECOND + DAY, 2) == oldest_kept(OLDEST_SECOND + DAY, 0) == OLDEST_SECOND
    assert oldest_kept(OLDEST_SECOND + 3 * DAY, 2) == OLDEST_SECOND + DAY
