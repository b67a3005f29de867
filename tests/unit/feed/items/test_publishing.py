"""Publishing: how items enter, what holds them, what lets them go, and what is told."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest

from controls.cases import CaseKind
from controls.decisions import Basis, DecisionType, Subject, SubjectKind
from controls.proposals import Proposal
from feed.items.publishing import WEIR
from tests.journeys.http_service import Http
from tests.unit.feed.decisions.deciding_office import NOW, office
from tests.unit.feed.items.publishing_desk import NDJSON, cases, decide, publish_policy, put, verdict, visible
from tests.unit.feed.items.test_families import OTHER, STORY

IDENTITY_GATE = """
name: gate
rules:
  - id: known-only
    tier: standard
    when: {not: {signal: author.identity, in: [verified]}}
    missing: apply
    effect: {hold: true}
    basis: {kind: terms, clause: "2.1"}
    review_by: 2099-01-01
"""
LABEL_GATE = """
name: gate
rules:
  - id: labelled-only
    tier: blocked
    when: {signal: label.harm, min: 0.8}
    missing: hold
    basis: {kind: terms, clause: "2.2"}
    review_by: 2099-01-01
"""


@pytest.fixture
def http(tmp_path) -> Iterator[Http]:
    with office(tmp_path, items=1, approvals=False) as running:
        yield running


def test_an_item_that_nothing_holds_is_published_and_says_so(http):
    told = put(http, "a")
    assert (told["state"], told["why"], told["remedy"], told["case"]) == ("published", [], "", "")
    assert visible(http, "a")
    assert verdict(http, "a")["held_by"] == []
    assert cases(http, "a") == []


def test_an_identity_gate_holds_until_somebody_attests_the_identity(http):
    publish_policy(http, IDENTITY_GATE)
    told = put(http, "a")
    assert told["state"] == "held"
    assert [(cause["kind"], cause["id"]) for cause in told["why"]] == [("rule", "known-only")]
    assert told["remedy"].startswith("wait for its review")
    assert not visible(http, "a")
    assert [cause["id"] for cause in verdict(http, "a")["held_by"]] == ["known-only"]
    decide(
        http, "verify_identity", "author:ada", parameters={"identity": "verified"}, evidence=["checked by the registry"]
    )
    assert visible(http, "a")
    assert put(http, "b", OTHER)["state"] == "published"


def test_a_held_item_has_one_review_case_and_is_shown_once_released(http):
    publish_policy(http, IDENTITY_GATE)
    told = put(http, "a")
    (case,) = cases(http, "a")
    assert (case.id, case.kind, case.about["held_by"]) == (told["case"], CaseKind.REVIEW, "rule:known-only")
    assert put(http, "a")["case"] == case.id
    assert len(cases(http, "a")) == 1
    decide(http, "release", "item:a")
    assert visible(http, "a")
    assert verdict(http, "a")["held_by"] == []
    assert put(http, "a")["state"] == "published"
    assert visible(http, "a")


@pytest.mark.parametrize("change", [{"title": "New title"}, {"text": OTHER}])
def test_another_title_or_text_holds_a_released_item_again(http, change):
    publish_policy(http, IDENTITY_GATE)
    put(http, "a")
    decide(http, "release", "item:a")
    assert visible(http, "a")
    told = put(http, "a", **{"text": STORY, **change})
    assert told["state"] == "held"
    assert not visible(http, "a")
    last = http.service.store.ledger.listing(before=None, limit=1)[0]
    assert (last.type.value, last.actor, last.role) == ("reverse", "weir", "service")
    assert put(http, "a", **{"text": STORY, **change, "topics": ["walking"]})["state"] == "held"


def test_a_released_item_that_comes_back_with_another_text_is_held(http):
    publish_policy(http, IDENTITY_GATE)
    put(http, "a")
    decide(http, "release", "item:a")
    http.call("DELETE", "/v1/items/a", "author", subject="ada")
    assert put(http, "a")["state"] == "published"
    http.call("DELETE", "/v1/items/a", "author", subject="ada")
    assert put(http, "a", OTHER)["state"] == "held"
    assert not visible(http, "a")


def test_what_was_decided_of_an_author_long_ago_holds_new_items_all_the_same(http, monkeypatch):
    monkeypatch.setattr("feed.items.entrance._LISTED", 3)
    decide(http, "restrict_author", "author:ada", parameters={"service": "pre_review"})
    for _ in range(4):
        decide(http, "verify_identity", "author:ada", parameters={"identity": "verified"}, evidence=["seen"])
    assert put(http, "a")["state"] == "held"


@pytest.mark.parametrize("hold", ["a rule", "a copy"])
def test_a_release_of_what_nobody_could_have_seen_lets_nothing_through(http, hold):
    if hold == "a rule":
        publish_policy(http, IDENTITY_GATE)
    else:
        put(http, "first", author="eve")
        decide(http, "takedown", "item:first")
    decide(http, "release", "item:a")
    assert put(http, "a")["state"] == "held"
    assert not visible(http, "a")
    last = http.service.store.ledger.listing(before=None, limit=10, subject="a")
    assert "reverse" in {decision.type.value for decision in last}
    decide(http, "release", "item:a")
    assert visible(http, "a")


def test_a_release_made_while_another_text_comes_in_is_taken_back(http, monkeypatch):
    publish_policy(http, IDENTITY_GATE)
    put(http, "a")
    items = type(http.service.store.items)
    stored = items.edit_items

    def released_meanwhile(self, ids, edit, once=None):
        release = Proposal(DecisionType.RELEASE, Subject(SubjectKind.ITEM, "a"), "fine", Basis("terms", "1"))
        http.service.decisions.decide(release, WEIR, http.service.clock.now()).result()
        return stored(self, ids, edit, once)

    monkeypatch.setattr(items, "edit_items", released_meanwhile)
    assert put(http, "a", OTHER)["state"] == "held"
    assert not visible(http, "a")


def test_a_signal_that_is_missing_holds_and_its_label_lets_go(http):
    publish_policy(http, LABEL_GATE)
    told = put(http, "a")
    assert (told["state"], [cause["id"] for cause in told["why"]]) == ("held", ["labelled-only"])
    assert not visible(http, "a")
    http.call("POST", "/v1/labels", "classifier", json={"labels": [{"item": "a", "name": "harm", "score": 0.1}]})
    assert visible(http, "a")
    http.call("POST", "/v1/labels", "classifier", json={"labels": [{"item": "a", "name": "harm", "score": 0.9}]})
    http.settled()
    assert put(http, "a")["state"] == "withheld"


def test_new_items_under_pre_review_are_held_however_old_they_say_they_are(http):
    put(http, "old", published_at=NOW - 60)
    decide(http, "restrict_author", "author:ada", parameters={"service": "pre_review"})
    told = put(http, "a", OTHER, published_at=NOW - 86_400)
    assert told["state"] == "held"
    assert told["published_at"] >= NOW
    assert visible(http, "old")
    assert not visible(http, "a")
    (case,) = cases(http, "a")
    assert case.kind is CaseKind.REVIEW
    decide(http, "release", "item:a")
    assert visible(http, "a")


def test_an_older_item_that_says_something_new_is_held_under_pre_review(http):
    put(http, "old", published_at=NOW - 86_400)
    decide(http, "restrict_author", "author:ada", parameters={"service": "pre_review"})
    assert put(http, "old")["state"] == "published"
    assert put(http, "old", OTHER)["state"] == "held"
    assert not visible(http, "old")


def test_a_suspended_author_publishes_nothing_new_and_may_still_withdraw(http):
    put(http, "old")
    why = decide(http, "restrict_author", "author:ada", parameters={"service": "suspended"})
    told = http.problem(put(http, "a", OTHER, status=403), 403, "publishing-suspended")
    assert why in told["detail"]
    http.problem(put(http, "old", OTHER, status=403), 403, "publishing-suspended")
    assert http.service.store.items.item("old").text == STORY
    assert http.call("DELETE", "/v1/items/old", "author", subject="ada").status_code == 200
    lines = [{"id": "x", "author": "ada", "text": OTHER}, {"id": "y", "author": "bob", "text": STORY}]
    answer = http.call(
        "POST", "/v1/items/import", "admin", content=b"\n".join(map(orjson.dumps, lines)), headers=NDJSON
    )
    first, second, _ = [orjson.loads(line) for line in answer.text.splitlines()]
    assert (first["status"], second["status"], second["state"]) == ("refused", "taken", "published")
    assert "suspended" in first["reason"]


def test_a_publishing_rate_is_a_day_long_and_says_how_long_to_wait(http):
    decide(http, "restrict_author", "author:ada", parameters={"service": "rate", "per_day": 2})
    put(http, "a", STORY)
    http.service.clock.advance(3600)
    put(http, "b", OTHER)
    put(http, "b", OTHER)
    refused = put(http, "c", "Something else entirely", status=429)
    http.problem(refused, 429, "too-many-requests")
    assert int(refused.headers["retry-after"]) == 86_400 - 3600
    assert http.service.store.items.item("c") is None
    put(http, "theirs", "Another author's words", author="bob")
    http.service.clock.advance(86_400 - 3600)
    put(http, "c", "Something else entirely")
    put(http, "d", "And one more thing", status=429)


def test_decisions_on_the_author_topic_or_item_are_told_before_the_item_is_there(http):
    decide(http, "suppress", "topic:money")
    decide(http, "takedown", "item:doomed")
    decide(http, "restrict_author", "author:eve", parameters={"service": "no_recommendation"})
    for item, author, topics in (("m", "ada", ["money"]), ("doomed", "ada", []), ("e", "eve", [])):
        told = put(http, item, "", author=author, topics=topics)
        assert (told["state"], len(told["why"])) == ("withheld", 1)
        assert not visible(http, item)


def test_a_share_of_what_is_published_is_drawn_for_inspection_and_stays_published(tmp_path):
    with office(tmp_path, items=1, inspect_share=0.5) as http:
        for number in range(60):
            assert put(http, f"i{number}", f"Words of their own, number {number}")["state"] == "published"
        drawn = [number for number in range(60) if cases(http, f"i{number}")]
        assert 15 < len(drawn) < 45
        (case,) = cases(http, f"i{drawn[0]}")
        assert case.kind is CaseKind.INSPECTION
        assert visible(http, f"i{drawn[0]}")
        put(http, f"i{drawn[0]}", f"Words of their own, number {drawn[0]}")
        assert len(cases(http, f"i{drawn[0]}")) == 1


def test_a_put_of_another_authors_item_is_neither_counted_nor_decided_upon(http):
    put(http, "a")
    decide(http, "restrict_author", "author:bob", parameters={"service": "rate", "per_day": 1})
    before = http.service.store.ledger.head()
    http.problem(put(http, "a", OTHER, author="bob", status=403), 403, "not-yours")
    assert http.service.store.ledger.head() == before
    assert put(http, "mine", "All my own work", author="bob")["state"] == "published"
