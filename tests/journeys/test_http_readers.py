"""What a reader may see, change and erase about itself."""

from __future__ import annotations

import threading
from typing import Any

from feed.storage.register import Entry
from tests.journeys.http_service import Http


def mine(http: Http, method: str, path: str = "", **more: Any) -> Any:
    return http.call(method, f"/v1/readers/r1{path}", "reader", subject="r1", **more)


def report(http: Http, *events: tuple[str, str]) -> None:
    told = [{"client_id": f"{kind} {item}", "item": item, "kind": kind} for kind, item in events]
    assert http.call("POST", "/v1/events", "reader", subject="r1", json={"events": told}).status_code == 200


def feed(http: Http, reader: str = "r1", **query: Any) -> Any:
    return http.call("GET", "/v1/feed", "feed", params={"reader": reader, **query}).json()


def test_an_unknown_reader_has_the_default_settings(http):
    settings = mine(http, "GET", "/settings")
    assert settings.headers["etag"] == '"0"'
    told = settings.json()
    assert (told["version"], told["personalization"], told["mode"]) == (0, True, "personalized")


def test_settings_change_what_is_named_and_null_goes_back(http):
    mine(http, "PATCH", "/settings", json={"muted_topics": ["sport"], "mode": "latest"})
    told = mine(http, "PATCH", "/settings", json={"mode": None}).json()
    assert (told["version"], told["mode"], told["muted_topics"]) == (2, "personalized", ["sport"])


def test_a_change_made_for_an_old_version_is_refused(http):
    mine(http, "PATCH", "/settings", json={"mode": "latest"}, headers={"If-Match": '"0"'})
    late = mine(http, "PATCH", "/settings", json={"mode": "popular"}, headers={"If-Match": '"0"'})
    http.problem(late, 412, "version-mismatch")
    assert mine(http, "GET", "/settings").json()["mode"] == "latest"
    http.problem(mine(http, "PATCH", "/settings", json={}, headers={"If-Match": "x"}), 422, "input-invalid")


def test_changes_that_meet_are_both_kept(http):
    def mute(author: str) -> None:
        events = [{"client_id": author, "item": author, "kind": "hide"}]
        http.call("POST", "/v1/events", "reader", subject="r1", json={"events": events})

    threads = [threading.Thread(target=mute, args=(f"item-{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(mine(http, "GET", "/settings").json()["hidden"]) == {f"item-{number}" for number in range(8)}


def test_a_change_that_changes_nothing_makes_no_version(http):
    mine(http, "PATCH", "/settings", json={"mode": "latest"})
    assert mine(http, "PATCH", "/settings", json={"mode": "latest"}).json()["version"] == 1


def test_muted_topics_and_authors_leave_the_next_page(http):
    mine(http, "PATCH", "/settings", json={"muted_topics": ["news"], "muted_authors": ["author-1"]})
    shown = {item["id"] for item in feed(http, limit=24)["items"]}
    for number in range(24):
        assert (f"item-{number}" in shown) == (number % 4 != 0 and number % 3 != 1)


def test_opting_out_takes_effect_on_the_next_page(http):
    report(http, ("click", "item-1"), ("like", "item-5"))
    assert feed(http)["mode"] == "personalized"
    mine(http, "PATCH", "/settings", json={"personalization": False})
    page = feed(http, limit=24)
    assert page["mode"] == "popular"
    http.call("PATCH", "/v1/readers/r9/settings", "admin", json={"personalization": False})
    assert feed(http, "r9", limit=24)["items"] == page["items"]


def test_history_is_shown_newest_first_and_forgotten_by_item_or_whole(http):
    report(http, ("click", "item-1"), ("like", "item-2"), ("click", "item-2"), ("impression", "item-3"))
    told = mine(http, "GET", "/history").json()["events"]
    assert [(event["kind"], event["item"]) for event in told][:2] == [("impression", "item-3"), ("click", "item-2")]
    assert len(mine(http, "GET", "/history?limit=2").json()["events"]) == 2
    assert mine(http, "DELETE", "/history/item-2").json() == {"reader": "r1", "events": 2}
    assert "item-2" not in {event["item"] for event in mine(http, "GET", "/history").json()["events"]}
    assert mine(http, "DELETE", "/history").json()["events"] == 2
    assert mine(http, "GET", "/history").json()["events"] == []


def test_interests_follow_the_history_and_what_the_reader_says(http):
    report(http, ("like", "item-1"), ("like", "item-5"), ("click", "item-2"), ("less", "item-3"))
    told = mine(http, "GET", "/interests").json()
    assert [interest["topic"] for interest in told["derived"]] == ["sport", "music", "science"]
    assert told["derived"][0]["events"] == 2
    assert told["derived"][-1]["share"] < 0
    assert told["used"]
    changed = mine(http, "PATCH", "/interests", json={"more": ["music"], "less": ["sport"]}).json()
    assert (changed["more"], changed["less"]) == (["music"], ["sport"])
    settings = mine(http, "GET", "/settings").json()
    assert (settings["more_topics"], settings["less_topics"]) == (["music"], ["sport"])
    mine(http, "PATCH", "/settings", json={"personalization": False})
    assert not mine(http, "GET", "/interests").json()["used"]


def test_an_export_holds_settings_interests_and_every_event(http):
    report(http, ("like", "item-1"), ("hide", "item-2"))
    answer = mine(http, "GET", "/export")
    assert "attachment" in answer.headers["content-disposition"]
    told = answer.json()
    assert told["settings"]["hidden"] == ["item-2"]
    assert {(event["kind"], event["item"]) for event in told["events"]} == {("like", "item-1"), ("hide", "item-2")}
    assert told["interests"]["derived"]


def test_erasing_a_reader_leaves_nothing_and_says_what_it_took(http):
    report(http, ("like", "item-1"), ("hide", "item-2"))
    feed(http)
    http.service.servings.flush()
    receipt = mine(http, "DELETE").json()
    assert receipt["rows"] == {"events": 2, "settings": 1, "servings": 1, "decisions": 0, "entries": 0}
    assert receipt["remains"] == {"model": "", "trained_at": None, "until": "nothing", "by": None}
    assert len(receipt["receipt"]) == 32
    assert receipt["registers"] == {}
    told = mine(http, "GET", "/export").json()
    assert (told["events"], told["settings"]["version"], told["settings"]["hidden"]) == ([], 0, [])
    assert mine(http, "DELETE").json()["rows"] == {
        "events": 0,
        "settings": 0,
        "servings": 0,
        "decisions": 0,
        "entries": 0,
    }


def test_what_was_erased_does_not_shape_the_next_page(http):
    fresh = feed(http, "never-seen", limit=24, mode="personalized")["items"]
    report(http, ("click", "item-0"), ("click", "item-1"), ("hide", "item-2"))
    assert {item["id"] for item in feed(http, limit=24)["items"]} != {item["id"] for item in fresh}
    mine(http, "DELETE")
    assert {item["id"] for item in feed(http, limit=24)["items"]} == {item["id"] for item in fresh}


def test_the_receipt_tells_of_every_register_what_went_and_what_stays_without_a_name(http):
    notes = http.service.store.register("notes")
    mine_and_kept = [Entry("n1", "{}", person="r1"), Entry("n2", "{}", person="r1", kept=True)]
    notes.edit(["n1", "n2"], lambda stored: mine_and_kept).result()
    http.service.store.register("others").edit(["o1"], lambda stored: [Entry("o1", "{}", person="r2")]).result()
    receipt = mine(http, "DELETE").json()
    assert receipt["registers"] == {"notes": {"deleted": 1, "kept": 1}}
    assert receipt["rows"]["entries"] == 2
    assert [entry.id for entry in notes.find()] == ["n2"]
    assert receipt["held"] == {"decisions": 0, "until": None}
