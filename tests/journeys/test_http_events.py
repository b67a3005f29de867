"""Reporting events: each judged alone, durable once answered, duplicates once, consent kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ranking.reader import EventKind
from tests.journeys.http_service import Http


def report(http: Http, *events: dict[str, Any], subject: str = "r1") -> dict[str, Any]:
    answer = http.call("POST", "/v1/events", "reader", subject=subject, json={"events": list(events)})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def click(client_id: str, item: str = "item-1", **more: Any) -> dict[str, Any]:
    return {"client_id": client_id, "item": item, "kind": "click", **more}


def test_events_are_stored_as_they_were_told(http):
    now = http.service.clock.now()
    told = report(http, click("c1", occurred_at=now - 60, dwell_ms=1200, request_id="page-1"))
    assert told["results"] == [{"client_id": "c1", "status": "accepted", "known": True, "reason": ""}]
    (event,) = http.service.store.events.of_reader("r1", 10)
    assert (event.item, event.kind, event.occurred_at, event.dwell_ms) == ("item-1", EventKind.CLICK, now - 60, 1200)
    assert (event.request_id, event.consented) == ("page-1", 1)


def test_a_batch_sent_twice_is_stored_once(http):
    events = [click("c1"), click("c2", "item-2")]
    assert report(http, *events)["accepted"] == 2
    again = report(http, *events, click("c3"))
    assert (again["accepted"], again["duplicates"]) == (1, 2)
    assert [result["status"] for result in again["results"]] == ["duplicate", "duplicate", "accepted"]
    assert len(http.service.store.events.of_reader("r1", 10)) == 3


def test_the_same_client_id_twice_in_a_batch_is_one_event(http):
    told = report(http, click("c1"), click("c1", "item-2"))
    assert [result["status"] for result in told["results"]] == ["accepted", "duplicate"]


def test_bad_events_do_not_hold_up_good_ones(http):
    now = http.service.clock.now()
    told = report(
        http,
        click("good"),
        click("future", occurred_at=now + 400),
        click("ancient", occurred_at=900_000_000),
        {"client_id": "kind", "item": "item-1", "kind": "wink"},
        {"client_id": "extra", "item": "item-1", "kind": "like", "mood": "fine"},
        {"item": "item-1", "kind": "like"},
        click("good-too", "item-2"),
    )
    statuses = {result["client_id"]: result["status"] for result in told["results"]}
    assert statuses.pop("good") == statuses.pop("good-too") == "accepted"
    assert set(statuses.values()) == {"rejected"}
    reasons = {result["client_id"]: result["reason"] for result in told["results"]}
    assert "future" in reasons["future"]
    assert "2000" in reasons["ancient"]
    assert reasons["kind"].startswith("kind: ")
    assert reasons["extra"].startswith("mood: ")
    assert reasons[""].startswith("client_id: ")
    assert {result["known"] for result in told["results"] if result["status"] == "rejected"} == {None}
    assert (told["accepted"], told["rejected"]) == (2, 5)
    assert len(http.service.store.events.of_reader("r1", 10)) == 2


def test_a_clock_five_minutes_ahead_is_borne(http):
    assert report(http, click("c1", occurred_at=http.service.clock.now() + 290))["accepted"] == 1


def test_an_unknown_item_is_recorded_and_told(http):
    told = report(http, click("c1", "never-seen"), click("c2"))
    assert (told["accepted"], told["unknown_items"]) == (2, 1)
    assert [result["known"] for result in told["results"]] == [False, True]
    assert "weir_events_unknown_item_total 1.0" in http.client.get("/metrics").text


@pytest.mark.parametrize(
    "body", [{}, [], {"events": []}, {"events": [{}] * 1001}, {"events": 1}, {"events": [], "x": 1}]
)
def test_what_is_no_batch_is_refused_whole(http, body):
    answer = http.call("POST", "/v1/events", "reader", json=body)
    http.problem(answer, 422, "input-invalid")


def test_a_thousand_events_are_one_batch(http):
    told = report(http, *(click(f"c{number}", f"item-{number % 24}") for number in range(1000)))
    assert told["accepted"] == 1000
    assert http.service.store.events.count() == 1000


def test_a_service_names_the_reader_of_each_event(http):
    events = [click("a", reader="r1"), click("a", reader="r2"), click("b")]
    told = http.call("POST", "/v1/events", "events", json={"events": events}).json()
    assert [result["status"] for result in told["results"]] == ["accepted", "accepted", "rejected"]
    assert "reader" in told["results"][2]["reason"]


def test_events_after_opting_out_do_not_count_and_say_so(http):
    settings = "/v1/readers/r1/settings"
    report(http, click("before"))
    http.call("PATCH", settings, "reader", subject="r1", json={"personalization": False})
    report(http, click("after", "item-2"))
    told = http.call("GET", "/v1/readers/r1/history", "reader", subject="r1").json()
    assert [(event["client_id"], event["counts"]) for event in told["events"]] == [("after", False), ("before", True)]


@pytest.mark.parametrize("personalization", [True, False])
def test_a_hidden_item_is_gone_from_the_next_page_in_every_mode(http, personalization):
    http.call("PATCH", "/v1/readers/r1/settings", "reader", subject="r1", json={"personalization": personalization})
    report(http, {"client_id": "h", "item": "item-2", "kind": "hide"})
    settings = http.call("GET", "/v1/readers/r1/settings", "reader", subject="r1").json()
    assert settings["hidden"] == ["item-2"]
    for mode in ("personalized", "popular", "latest"):
        page = http.call("GET", f"/v1/feed?limit=24&mode={mode}", "reader", subject="r1").json()
        shown = {item["id"] for item in page["items"]}
        assert "item-2" not in shown
        assert len(shown) == 23


def test_a_hide_told_twice_hides_once(http):
    for client_id in ("h1", "h1", "h2"):
        report(http, {"client_id": client_id, "item": "item-2", "kind": "hide"})
    settings = http.call("GET", "/v1/readers/r1/settings", "reader", subject="r1").json()
    assert settings["hidden"] == ["item-2"]


def test_a_hide_that_is_told_again_does_not_hide_what_was_unhidden(http):
    report(http, {"client_id": "h", "item": "item-2", "kind": "hide"})
    http.call("PATCH", "/v1/readers/r1/settings", "reader", subject="r1", json={"hidden": []})
    assert report(http, {"client_id": "h", "item": "item-2", "kind": "hide"})["duplicates"] == 1
    settings = http.call("GET", "/v1/readers/r1/settings", "reader", subject="r1").json()
    assert settings["hidden"] == []
    page = http.call("GET", "/v1/feed?limit=24&mode=latest", "reader", subject="r1").json()
    assert "item-2" in {item["id"] for item in page["items"]}


def test_any_number_of_hides_at_once_are_taken(http):
    def hide(number: int) -> int:
        told = report(http, {"client_id": f"h{number}", "item": f"item-{number % 24}", "kind": "hide"})
        return int(told["accepted"])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(hide, range(40))) == [1] * 40
    settings = http.call("GET", "/v1/readers/r1/settings", "reader", subject="r1").json()
    assert sorted(settings["hidden"]) == sorted(f"item-{number}" for number in range(24))
    assert http.call("GET", "/v1/feed?limit=24", "reader", subject="r1").json()["items"] == []


def test_a_consumed_item_leaves_the_next_page(http):
    first = http.call("GET", "/v1/feed?limit=5", "reader", subject="r1").json()["items"][0]["id"]
    report(http, click("c1", first))
    following = http.call("GET", "/v1/feed?limit=5", "reader", subject="r1").json()
    assert first not in {item["id"] for item in following["items"]}
