"""Pages over HTTP: sessions, modes, surfaces, why, related, and replay of what was served."""

from __future__ import annotations

from typing import Any

import pytest

from feed.pages.replay import Replayer
from tests.journeys.http_service import ITEMS, Http, decision


def page(http: Http, reader: str, **query: Any) -> dict[str, Any]:
    answer = http.call("GET", "/v1/feed", "reader", subject=reader, params={"limit": 6, **query})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def ids(told: dict[str, Any]) -> list[str]:
    return [item["id"] for item in told["items"]]


def report(http: Http, reader: str, kind: str, *items: str) -> None:
    events = [{"client_id": f"{reader}-{kind}-{item}", "reader": reader, "item": item, "kind": kind} for item in items]
    answer = http.call("POST", "/v1/events", "events", json={"events": events})
    assert answer.status_code == 200, answer.text
    assert all(told["status"] == "accepted" for told in answer.json()["results"]), answer.text


@pytest.mark.parametrize("mode", ["personalized", "popular", "latest", "editorial"])
def test_a_session_serves_the_whole_pool_once_and_then_ends(shared_http, mode):
    told = page(shared_http, "walker", mode=mode)
    seen = ids(told)
    while told["cursor"]:
        told = page(shared_http, "walker", mode=mode, cursor=told["cursor"])
        assert [item["position"] for item in told["items"]] == list(range(len(seen), len(seen) + len(told["items"])))
        seen += ids(told)
    assert len(seen) == len(set(seen)) == ITEMS


def test_latest_is_strictly_newest_first(shared_http):
    assert ids(page(shared_http, "chronicler", mode="latest", limit=24)) == [f"item-{n}" for n in range(24)]


def test_a_topic_surface_holds_its_topic_alone(shared_http):
    told = page(shared_http, "fan", surface="topic:music", limit=24)
    assert sorted(ids(told)) == sorted(f"item-{n}" for n in range(24) if n % 4 == 2)
    assert ids(page(shared_http, "fan", surface="topic:nothing")) == []


def test_a_like_changes_the_next_page_and_impressions_move_items_down(http):
    first = page(http, "r1")
    report(http, "r1", "like", ids(first)[0])
    second = page(http, "r1")
    assert ids(first)[0] not in ids(second)
    report(http, "r1", "impression", *ids(second))
    assert set(ids(page(http, "r1"))).isdisjoint(ids(second))


def test_a_hidden_item_is_gone_in_every_mode(http):
    report(http, "r1", "hide", "item-0")
    for mode in ("personalized", "popular", "latest", "editorial"):
        assert "item-0" not in ids(page(http, "r1", mode=mode, limit=24))


def test_related_items_leave_out_the_seed_and_refuse_what_may_not_be_shown(http):
    answer = http.call("GET", "/v1/items/item-1/related?limit=24", "reader", subject="r1")
    assert answer.status_code == 200, answer.text
    assert sorted(ids(answer.json())) == sorted(f"item-{n}" for n in range(24) if n != 1)
    http.call("POST", "/v1/decisions", "moderator", json=decision("takedown", "item-1", http.service.clock.now()))
    http.problem(http.call("GET", "/v1/items/item-1/related", "reader", subject="r1"), 404, "unknown-item")
    http.problem(
        http.call("GET", "/v1/items/item-2/related?surface=home:x", "reader", subject="r1"), 422, "input-invalid"
    )


def test_why_tells_what_was_recorded_and_only_to_whom_it_belongs(http):
    told = page(http, "r1")
    request_id, item = told["request_id"], told["items"][2]
    why = http.call("GET", f"/v1/feed/{request_id}/why/{item['id']}", "reader", subject="r1")
    assert why.status_code == 200, why.text
    assert (why.json()["position"], why.json()["source"], why.json()["tier"]) == (2, item["source"], item["tier"])
    path = f"/v1/feed/{request_id}/why/{item['id']}"
    http.problem(http.call("GET", path, "reader", subject="r2"), 403, "not-yours")
    http.problem(http.call("GET", f"/v1/feed/{request_id}/why/item-none", "reader", subject="r1"), 404, "unknown-item")
    http.problem(http.call("GET", f"/v1/feed/{'0' * 32}/why/{item['id']}", "reader", subject="r1"), 410, "gone")
    http.call("POST", "/v1/decisions", "moderator", json=decision("takedown", item["id"], http.service.clock.now()))
    http.problem(http.call("GET", path, "reader", subject="r1"), 404, "unknown-item")


def test_every_page_is_replayed_byte_for_byte_until_its_reader_is_erased(http):
    told = [page(http, "r1"), page(http, "r2", mode="latest")]
    report(http, "r1", "like", ids(told[0])[0])
    http.call("POST", "/v1/decisions", "moderator", json=decision("takedown", "item-4", http.service.clock.now()))
    told.append(page(http, "r1", cursor=told[0]["cursor"]))
    service = http.service
    assert service.servings.flush()
    replayer = Replayer(service.store, service.policies, service.graphs)
    replayed = list(replayer.replay(service.store.servings.newest(10)))
    assert len(replayed) == 3
    assert all(made.identical for made in replayed)
    assert http.call("DELETE", "/v1/readers/r1", "reader", subject="r1").status_code == 200
    after = {made.serving.request_id: made for made in replayer.replay(service.store.servings.newest(10))}
    assert [after[one["request_id"]].erased for one in told] == [True, False, True]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"surface": "topic:"}, "surface"),
        ({"surface": "related:item-1"}, "surface"),
        ({"mode": "magic"}, "mode"),
        ({"age": "old"}, "age"),
        ({"colour": "blue"}, "colour"),
        ({"reader": "r" * 201}, "reader"),
    ],
)
def test_a_bad_query_is_refused_by_name(shared_http, query, field):
    answer = shared_http.call("GET", "/v1/feed", "feed", params={"reader": "r1", **query})
    assert [fault["field"] for fault in shared_http.problem(answer, 422, "input-invalid")["errors"]] == [field]


def test_a_service_must_name_the_reader(shared_http):
    shared_http.problem(shared_http.call("GET", "/v1/feed", "feed"), 422, "input-invalid")


def test_a_cursor_continues_its_own_session_only(shared_http):
    cursor = page(shared_http, "r1")["cursor"]
    for reader, query, name in [
        ("r2", {"cursor": cursor}, "cursor-foreign"),
        ("r1", {"cursor": cursor, "surface": "topic:music"}, "cursor-foreign"),
        ("r1", {"cursor": cursor[:-2] + "AA"}, "cursor-forged"),
        ("r1", {"cursor": "x"}, "cursor-forged"),
    ]:
        shared_http.problem(shared_http.call("GET", "/v1/feed", "reader", subject=reader, params=query), 400, name)


def test_an_unknown_reader_is_served_as_new(shared_http):
    assert len(ids(page(shared_http, "nobody-ever-heard-of"))) == 6
