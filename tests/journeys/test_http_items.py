"""Publishing: items, imports, authors and labels, and who sees what of them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.journeys.http_service import Http, decision

NDJSON = {"Content-Type": "application/x-ndjson"}


def lines(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def test_an_item_that_was_put_is_on_the_feed_with_the_next_edition(http):
    body = {"author": "author-9", "title": "New", "topics": ["news", "news"], "language": "de"}
    put = http.call("PUT", "/v1/items/new", "admin", json=body)
    assert put.status_code == 200
    assert put.json()["topics"] == ["news"]
    http.settled()
    page = http.call("GET", "/v1/feed?reader=r&mode=latest&limit=1", "feed").json()
    assert [item["id"] for item in page["items"]] == ["new"]


def test_replacing_an_item_keeps_its_time_of_publication(http):
    before = http.call("GET", "/v1/items/item-5", "admin").json()
    after = http.call("PUT", "/v1/items/item-5", "admin", json={"title": "Better"}).json()
    assert after["title"] == "Better"
    assert after["published_at"] == before["published_at"]


def test_an_item_from_the_future_is_refused_by_name(http):
    now = http.service.clock.now()
    for ahead in (400, 86_400 * 365):
        answer = http.call("PUT", "/v1/items/later", "admin", json={"published_at": now + ahead})
        told = http.problem(answer, 422, "input-invalid")
        assert [error["field"] for error in told["errors"]] == ["published_at"]
        assert "when it is due" in told["detail"]
    body = b'{"id": "later", "published_at": %d}\n{"id": "soon", "published_at": %d}' % (now + 400, now + 200)
    told_lines = lines(http.call("POST", "/v1/items/import", "admin", content=body, headers=NDJSON))
    assert [(line["status"], line["field"]) for line in told_lines[:-1]] == [("refused", "published_at"), ("taken", "")]
    assert http.service.store.items.items(["later", "soon"]).keys() == {"soon"}
    assert http.call("PUT", "/v1/items/now", "admin", json={"published_at": now + 200}).status_code == 200


def test_a_withdrawn_item_is_gone_from_pages_and_can_be_published_again(http):
    assert http.call("DELETE", "/v1/items/item-0", "author", subject="author-0").json()["withdrawn"]
    http.settled()
    page = http.call("GET", "/v1/feed?reader=r&mode=latest&limit=24", "feed").json()
    assert "item-0" not in {item["id"] for item in page["items"]}
    http.problem(http.call("GET", "/v1/items/item-0", "feed"), 404, "unknown-item")
    assert http.call("GET", "/v1/items/item-0", "author", subject="author-0").json()["withdrawn"]
    http.call("PUT", "/v1/items/item-0", "author", subject="author-0", json={"title": "Again"})
    http.settled()
    assert http.call("GET", "/v1/items/item-0", "feed").json()["title"] == "Again"


def test_what_may_not_be_shown_cannot_be_read_by_those_it_may_not_be_shown_to(http):
    body = decision("takedown", "item-4", http.service.clock.now())
    made = http.call("POST", "/v1/decisions", "moderator", json=body)
    assert made.status_code == 201
    for scope in ("feed", "reader"):
        http.problem(http.call("GET", "/v1/items/item-4", scope), 404, "unknown-item")
    http.problem(http.call("GET", "/v1/items/item-4", "author", subject="author-0"), 404, "unknown-item")
    for scope in ("moderator", "auditor", "editor"):
        assert http.call("GET", "/v1/items/item-4", scope).json()["id"] == "item-4"
    assert http.call("GET", "/v1/items/item-4", "author", subject="author-1").json()["id"] == "item-4"


def test_reading_an_item_again_costs_nothing_while_it_stays(http):
    first = http.call("GET", "/v1/items/item-1", "feed")
    again = http.call("GET", "/v1/items/item-1", "feed", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    http.call("PUT", "/v1/items/item-1", "admin", json={"title": "Changed"})
    changed = http.call("GET", "/v1/items/item-1", "feed", headers={"If-None-Match": first.headers["etag"]})
    assert changed.json()["title"] == "Changed"


def test_an_import_answers_every_line_and_takes_the_good_ones(http):
    body = b"\n".join(
        [
            b'{"id": "a", "title": "A"}',
            b'{"id": "b", "titel": "B"}',
            b"",
            b"not json",
            b'{"id": "x/y"}',
            b'{"id": "long", "title": "' + b"x" * 70_000 + b'"}',
            b'{"type": "item", "id": "c", "topics": ["news"]}',
        ]
    )
    told = lines(http.call("POST", "/v1/items/import", "admin", content=body, headers=NDJSON))
    assert [(line["line"], line["status"]) for line in told[:-1]] == [
        (1, "taken"),
        (2, "refused"),
        (4, "refused"),
        (5, "refused"),
        (6, "refused"),
        (7, "taken"),
    ]
    assert told[1]["field"] == "titel"
    assert told[3]["field"] == "id"
    assert told[-1] == {"lines": 7, "taken": 2, "refused": 4}
    assert http.service.store.items.items(["a", "b", "c"]).keys() == {"a", "c"}


def test_an_import_of_thousands_is_taken_in_batches(http):
    body = b"\n".join(b'{"id": "bulk-%d"}' % number for number in range(2500))
    told = lines(http.call("POST", "/v1/items/import", "admin", content=body, headers=NDJSON))
    assert told[-1] == {"lines": 2500, "taken": 2500, "refused": 0}
    assert http.service.store.items.count() == 24 + 2500


def test_an_author_imports_own_items_only(http):
    body = b'{"id": "mine"}\n{"id": "item-0", "title": "stolen"}\n{"id": "theirs", "author": "author-2"}\n'
    answer = http.call("POST", "/v1/items/import", "author", subject="author-1", content=body, headers=NDJSON)
    told = lines(answer)
    assert [line["status"] for line in told[:-1]] == ["taken", "refused", "refused"]
    assert http.service.store.items.item("mine").author == "author-1"
    assert http.service.store.items.item("item-0").title == "Item 0"


def test_of_two_who_put_the_same_new_item_one_owns_it(http):
    items = [f"contested-{number}" for number in range(10)]

    def put(item: str, author: str) -> int:
        answer = http.call("PUT", f"/v1/items/{item}", "author", subject=author, json={"title": author})
        return int(answer.status_code)

    def imported(item: str, author: str) -> int:
        body = json.dumps({"id": item, "title": author}).encode()
        answer = http.call("POST", "/v1/items/import", "author", subject=author, content=body, headers=NDJSON)
        return {"taken": 200, "refused": 403}[lines(answer)[0]["status"]]

    with ThreadPoolExecutor(4) as pool:
        for item in items:
            tries = [(put, "ada"), (put, "bob"), (imported, "cyd"), (put, "dot")]
            answers = list(pool.map(lambda one, item=item: (one[1], one[0](item, one[1])), tries))
            stored = http.service.store.items.item(item)
            assert [author for author, status in answers if status == 200] == [stored.author]
            assert sorted(status for _, status in answers) == [200, 403, 403, 403]
            assert stored.title == stored.author


def test_an_import_repeated_under_its_key_is_done_once_and_another_one_refused(http):
    headers = {**NDJSON, "Idempotency-Key": "import-1"}
    first = http.call("POST", "/v1/items/import", "admin", content=b'{"id": "k", "title": "1"}', headers=headers)
    http.call("PUT", "/v1/items/k", "admin", json={"title": "2"})
    again = http.call("POST", "/v1/items/import", "admin", content=b'{"id": "k", "title": "1"}', headers=headers)
    assert again.content == first.content
    assert http.service.store.items.item("k").title == "2"
    other = http.call("POST", "/v1/items/import", "admin", content=b'{"id": "k", "title": "3"}', headers=headers)
    http.problem(other, 409, "idempotency-conflict")


def test_an_author_changes_its_name_and_keeps_its_standing(http):
    http.call("PUT", "/v1/authors/author-1", "admin", json={"standing": 40, "kind": "person", "identity": "verified"})
    changed = http.call("PUT", "/v1/authors/author-1", "author", subject="author-1", json={"name": "Ada"}).json()
    assert changed == {"id": "author-1", "name": "Ada", "standing": 40, "kind": "person", "identity": "verified"}
    assert http.call("GET", "/v1/authors/author-1", "auditor").json() == changed
    http.problem(http.call("GET", "/v1/authors/nobody", "auditor"), 404, "not-found")


def test_labels_are_stored_with_who_gave_them(http):
    now = http.service.clock.now()
    labels = [
        {"item": "item-1", "name": "rumour", "score": 0.9, "given_at": now - 5},
        {"item": "item-2", "name": "rumour", "score": 0.1},
        {"item": "unknown", "name": "rumour", "score": 0.5},
        {"item": "item-3", "name": "rumour", "score": 0.5, "given_at": now + 4000},
    ]
    labels[0]["given_by"] = "classifier-3:v2"
    told = http.call("POST", "/v1/labels", "classifier", subject="classifier-3", json={"labels": labels}).json()
    assert [result["status"] for result in told["results"]] == ["accepted", "accepted", "rejected", "rejected"]
    (label,) = http.service.store.items.labels("item-1")
    assert (label.name, label.score, label.given_by, label.given_at) == ("rumour", 0.9, "classifier-3:v2", now - 5)
    assert http.service.store.items.labels("item-2")[0].given_by == "classifier-3"


def test_a_label_older_than_the_one_there_is_told_as_older(http):
    now = http.service.clock.now()

    def give(*labels: tuple[str, float, int], key: str = "") -> dict[str, Any]:
        body = [{"item": item, "name": "rumour", "score": score, "given_at": at} for item, score, at in labels]
        headers = {"Idempotency-Key": key} if key else {}
        told: dict[str, Any] = http.call(
            "POST", "/v1/labels", "classifier", json={"labels": body}, headers=headers
        ).json()
        return told

    assert give(("item-1", 0.9, now))["accepted"] == 1
    mixed = (("item-1", 0.1, now - 1000), ("item-2", 0.5, now), ("item-2", 0.6, now - 1))
    told = give(*mixed, key="k")
    assert [result["status"] for result in told["results"]] == ["older", "accepted", "older"]
    assert "newer" in told["results"][0]["reason"]
    assert (told["accepted"], told["older"], told["rejected"]) == (1, 2, 0)
    assert give(*mixed, key="k") == told
    assert http.service.store.items.labels("item-1")[0].score == 0.9
    assert http.service.store.items.labels("item-2")[0].score == 0.5


def test_labels_act_on_verdicts_with_the_next_edition(http: Http):
    policy = (
        (
            "name: rumours\n"
            "rules:\n"
            "  - id: rumour\n"
            "    tier: blocked\n"
            "    when: {signal: label.rumour, min: 0.8}\n"
            "    missing: apply\n"
            "    basis: {kind: terms, clause: '4'}\n"
            "    review_by: 2099-01-01\n"
        )
        .replace("missing: apply", "missing: skip")
        .replace("tier: blocked", "tier: restricted")
    )
    draft = http.call(
        "POST", "/v1/policy/drafts", "policy", content=policy, headers={"Content-Type": "application/yaml"}
    )
    assert draft.status_code == 201, draft.text
    version = draft.json()["version"]
    published = http.call("POST", f"/v1/policy/drafts/{version}/publish", "policy", json={"reason": "test"})
    assert published.status_code == 201, published.text
    labels = [{"item": "item-1", "name": "rumour", "score": 0.9}]
    http.call("POST", "/v1/labels", "classifier", json={"labels": labels})
    http.settled()
    verdict = http.call("GET", "/v1/items/item-1/verdict", "auditor").json()
    assert (verdict["tier"], [cause["id"] for cause in verdict["causes"]]) == ("restricted", ["rumour"])
    assert http.call("GET", "/v1/items/item-2/verdict", "auditor").json()["tier"] == "standard"
