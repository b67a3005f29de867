"""Corrections over HTTP: they reach those who were exposed, beside the items and never among them."""

from __future__ import annotations

from typing import Any

import pytest

from feed.pages.replay import Replayer
from tests.journeys.governed_stories import decide, expose, page, story
from tests.journeys.http_service import Http, until

STORES = pytest.mark.parametrize("where", ["memory", "sqlite"])
WORDS = {"parameters": {"notice": "corrected", "text": "The bridge stays open."}}


def correct(http: Http, item: str = "copied", **more: object) -> str:
    told = decide(http, "correct", item, **(WORDS | more))
    id: str = told["decision"]["id"] if "decision" in told else told["decisions"][0]["id"]
    return id


def reach(http: Http, decision: str) -> Any:
    answer = http.call("GET", f"/v1/corrections/{decision}", "auditor")
    assert answer.status_code == 200, answer.text
    return answer.json()


def waiting(http: Http, decision: str, count: int) -> None:
    until(lambda: reach(http, decision)["waiting"] == count)


@STORES
def test_everybody_exposed_to_the_item_or_a_near_duplicate_is_told_once(tmp_path, where):
    with story(tmp_path, where) as http:
        expose(http, "r1", "r2")
        expose(http, "r3", item="copy")
        expose(http, "r4", item="other")
        id = correct(http)
        waiting(http, id, 3)
        first = page(http, "r1")
        assert first["corrections"] == [
            {
                "decision": id,
                "item": "copied",
                "notice": "corrected",
                "text": "The bridge stays open.",
                "at": http.call("GET", f"/v1/decisions/{id}", "auditor").json()["starts_at"],
            }
        ]
        assert page(http, "r3")["corrections"] == first["corrections"]
        assert page(http, "r4")["corrections"] == page(http, "nobody")["corrections"] == []
        assert page(http, "r1", cursor=first["cursor"])["corrections"] == []
        assert page(http, "r1")["corrections"] == []
        waiting(http, id, 2)
        until(lambda: reach(http, id)["seen"] == 1)
        told = reach(http, id)
        assert (told["exposed"], told["seen"], told["unconfirmed"], told["share"]) == (3, 1, 0, 0.3333)
        assert told["times"][0] == {"within": 60, "readers": 1} and told["times"][-1]["within"] is None
        assert sorted(told["members"]) == ["copied", "copy"] and told["open"]


@STORES
def test_an_event_of_the_page_shows_that_the_correction_was_seen(tmp_path, where):
    with story(tmp_path, where) as http:
        expose(http, "r1")
        id = correct(http)
        waiting(http, id, 1)
        shown = page(http, "r1")
        seen = {
            "client_id": "s1",
            "item": shown["items"][0]["id"],
            "kind": "impression",
            "request_id": shown["request_id"],
        }
        http.call("POST", "/v1/events", "events", json={"events": [seen | {"reader": "r1"}]})
        assert page(http, "r1")["corrections"] == []
        until(lambda: reach(http, id)["share"] == 1.0)
        assert reach(http, id)["half_within"] == 60


@STORES
def test_an_opted_out_reader_is_told_too_and_the_items_stay_what_they_were(tmp_path, where):
    with story(tmp_path, where) as http:
        off = {"personalization": False}
        for reader in ("r1", "r2"):
            http.call("PATCH", f"/v1/readers/{reader}/settings", "admin", json=off)
        expose(http, "r1")
        id = correct(http)
        waiting(http, id, 1)
        one, other = page(http, "r1"), page(http, "r2")
        assert [len(shown["corrections"]) for shown in (one, other)] == [1, 0]
        assert one["items"] == other["items"]


@STORES
def test_pages_with_corrections_are_replayed_byte_for_byte(tmp_path, where):
    with story(tmp_path, where) as http:
        expose(http, "r1")
        waiting(http, correct(http), 1)
        shown = page(http, "r1")
        assert len(shown["corrections"]) == 1
        service = http.service
        assert service.servings.flush()
        record = service.store.servings.get(shown["request_id"])
        assert record is not None
        (replayed,) = Replayer(service.store, service.policies, service.graphs).replay([record])
        assert replayed.identical


@STORES
def test_erasing_a_reader_takes_the_correction_and_that_they_were_told(tmp_path, where):
    with story(tmp_path, where) as http:
        expose(http, "r1", "r2")
        id = correct(http)
        waiting(http, id, 2)
        shown = page(http, "r1")
        page(http, "r1", cursor=shown["cursor"])
        until(lambda: reach(http, id)["seen"] == 1)
        (told,) = http.call("GET", "/v1/readers/r1/export", "admin").json()["corrections"]
        assert (told["decision"], told["seen"]) == (id, True)
        receipts = [http.call("DELETE", f"/v1/readers/{reader}", "admin").json() for reader in ("r1", "r2")]
        assert [receipt["rows"]["entries"] for receipt in receipts] == [1, 0]
        assert page(http, "r2")["corrections"] == []
        told = reach(http, id)
        assert (told["exposed"], told["seen"], told["waiting"]) == (2, 1, 0)
        assert http.service.store.register("corrections").find(person="r1") == []


@STORES
def test_a_reversed_correction_is_sent_to_nobody_any_more(tmp_path, where):
    with story(tmp_path, where) as http:
        expose(http, "r1")
        id = correct(http)
        waiting(http, id, 1)
        reason = {"reason": "it was right after all", "basis": {"kind": "terms", "clause": "1"}}
        http.call("POST", f"/v1/decisions/{id}/reverse", "moderator", json=reason)
        until(lambda: not reach(http, id)["open"])
        assert page(http, "r1")["corrections"] == []
        http.problem(http.call("GET", "/v1/corrections/nothing", "auditor"), 404, "not-found")


@STORES
def test_a_correction_of_the_copies_too_puts_the_notice_on_all_and_tells_readers_once(tmp_path, where):
    with story(tmp_path, where) as http:
        expose(http, "r1")
        expose(http, "r1", "r2", item="copy")
        id = correct(http, copies=True)
        waiting(http, id, 2)
        shown = page(http, "r1", limit=50)
        assert [card["decision"] for card in shown["corrections"]] == [id]
        notices = {item["id"]: item["notices"] for item in page(http, "r9", limit=50)["items"]}
        assert notices["copied"] == notices["copy"] == ["corrected"]
        assert notices["other"] == []


def test_a_restart_forgets_neither_who_waits_nor_who_was_told(tmp_path):
    with story(tmp_path, "sqlite") as http:
        expose(http, "r1", "r2")
        id = correct(http)
        waiting(http, id, 2)
        shown = page(http, "r1")
        page(http, "r1", cursor=shown["cursor"])
        page(http, "r2")  # offered, and not known to have arrived
    with story(tmp_path, "sqlite") as http:
        waiting(http, id, 1)
        assert page(http, "r1")["corrections"] == []
        assert len(page(http, "r2")["corrections"]) == 1
        told = reach(http, id)
        assert (told["exposed"], told["seen"]) == (2, 1)
