"""Cases of which nothing is left to decide end by themselves, and holds that begin late have their review."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from controls.cases import CaseKind, CaseOutcome, CaseState
from feed.cases.moot import end_moot_cases
from feed.cases.outcomes import ended
from feed.cases.papers import case_of, cases_of
from feed.cases.upkeep import LateHolds
from feed.transparency.statement_papers import restrictions_of
from tests.journeys.http_service import Http, until
from tests.unit.feed.decisions.deciding_office import BASIS, NOW, office, send
from tests.unit.feed.items.publishing_desk import cases, decide, publish_policy, put, visible
from tests.unit.feed.items.test_publishing import IDENTITY_GATE

LATE_LABEL = """
name: late
rules:
  - id: looked-at
    tier: standard
    when: {signal: label.harm, min: 0.8}
    missing: skip
    effect: {hold: true}
    basis: {kind: terms, clause: "2.2"}
    review_by: 2099-01-01
"""


@pytest.fixture
def http(tmp_path) -> Iterator[Http]:
    with office(tmp_path, items=2, approvals=False, restriction_quiet=0) as running:
        yield running


def tidy(http):
    http.settled()
    http.client.portal.call(end_moot_cases, http.service)


def report(http: Http, item: str, by: str = "r1") -> str:
    answer = http.call("POST", "/v1/reports", "reader", subject=by, json={"item": item, "category": "terms"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def told(http: Http, receipt: str):
    return http.call("GET", f"/v1/reports/{receipt}").json()


def review(http: Http, item: str = "item-1"):
    body = {"kind": "review", "subject": {"kind": "item", "id": item}, "category": "check", "reason": "look"}
    return send(http, "mo/moderator", "/v1/cases", body).json()


def read(http: Http, case: str):
    return http.call("GET", f"/v1/cases/{case}", "moderator").json()["case"]


def label(http: Http, item: str, score: float) -> None:
    given = {"labels": [{"item": item, "name": "harm", "score": score}]}
    answer = http.call("POST", "/v1/labels", "classifier", subject="c", json=given)
    assert answer.status_code < 300, answer.text


def test_the_review_of_an_item_that_was_taken_away_ends_by_itself(http):
    case = review(http)["id"]
    tidy(http)
    assert read(http, case)["state"] == "open"
    http.call("DELETE", "/v1/items/item-1", "admin")
    tidy(http)
    ended = read(http, case)
    assert (ended["state"], ended["outcome"], ended["resolved_by"]) == ("resolved", "moot", "weir")
    assert "taken away" in ended["answer"]
    tidy(http)
    assert read(http, case) == ended
    assert review(http)["id"] != case


def test_a_takedown_answers_the_reports_and_reviews_that_waited_and_no_later_ones(http):
    case, receipt = review(http)["id"], report(http, "item-1")
    decision = decide(http, "takedown", "item:item-1")
    tidy(http)
    assert (read(http, case)["outcome"], read(http, case)["decisions"]) == ("moot", [decision])
    assert (told(http, receipt)["outcome"], told(http, receipt)["state"]) == ("acted", "decided")
    assert decision in told(http, receipt)["answer"]
    http.service.clock.advance(60)
    later = review(http)["id"]
    tidy(http)
    assert read(http, later)["state"] == "open"


def test_a_takedown_that_is_undone_on_appeal_changes_what_the_reporters_were_told(http):
    receipt = report(http, "item-1")
    decision = decide(http, "takedown", "item:item-1")
    tidy(http)
    body = {"decision": decision, "text": "it is true"}
    appeal = http.call("POST", "/v1/appeals", "author", subject="author-1", json=body).json()["id"]
    send(http, "max/moderator", f"/v1/cases/{appeal}/claim")
    ended = send(http, "max/moderator", f"/v1/cases/{appeal}/resolve", {"outcome": "upheld", "answer": "so it is"})
    assert ended.status_code == 200, ended.text
    assert told(http, receipt)["outcome"] == "no_action"


def test_what_somebody_holds_or_handed_on_is_left_to_people(http):
    held, handed = review(http, "item-1")["id"], review(http, "item-0")["id"]
    for case in (held, handed):
        send(http, "mo/moderator", f"/v1/cases/{case}/claim")
    send(http, "mo/moderator", f"/v1/cases/{handed}/escalate", {"note": "look at the author, too"})
    for item in ("item-0", "item-1"):
        http.call("DELETE", f"/v1/items/{item}", "admin")
    tidy(http)
    assert [read(http, case)["state"] for case in (held, handed)] == ["claimed", "escalated"]
    http.service.clock.advance(1800)
    tidy(http)
    assert [read(http, case)["state"] for case in (held, handed)] == ["resolved", "escalated"]


def test_a_case_that_cannot_be_ended_keeps_no_other_from_its_end(http, monkeypatch):
    first, second = review(http, "item-0")["id"], review(http, "item-1")["id"]
    for item in ("item-0", "item-1"):
        http.call("DELETE", f"/v1/items/{item}", "admin")

    async def faulty(service, case):
        if case.id == first:
            raise RuntimeError("a fault")
        return await ended(service, case)

    with monkeypatch.context() as patched:
        patched.setattr("feed.cases.moot.ended", faulty)
        tidy(http)
    assert [read(http, case)["outcome"] for case in (first, second)] == ["moot", "moot"]


def test_nobody_says_moot_but_the_service(http):
    case = review(http)["id"]
    send(http, "mo/moderator", f"/v1/cases/{case}/claim")
    answer = send(http, "mo/moderator", f"/v1/cases/{case}/resolve", {"outcome": "moot", "answer": "gone"})
    http.problem(answer, 422, "invalid-case")


@pytest.mark.parametrize("how", ["reversed", "expired"])
def test_an_appeal_against_what_was_undone_or_ended_is_told_so(http, how):
    ends = {"expires_at": NOW + 3600}
    decision = decide(http, "suppress", "item:item-1", **ends)
    body = {"decision": decision, "text": "it is true"}
    appeal = http.call("POST", "/v1/appeals", "author", subject="author-1", json=body).json()["id"]
    tidy(http)
    assert read(http, appeal)["state"] == "open"
    if how == "reversed":
        send(http, "mo/admin", f"/v1/decisions/{decision}/reverse", {"reason": "mistaken", "basis": BASIS})
    else:
        http.service.clock.advance(3600)
    tidy(http)
    shown = http.call("GET", f"/v1/appeals/{appeal}", "author", subject="author-1").json()
    assert (shown["state"], shown["outcome"]) == ("decided", "moot")
    assert decision in shown["answer"]


def test_the_review_of_a_hold_ends_when_nothing_holds_the_item(http):
    publish_policy(http, IDENTITY_GATE)
    case = put(http, "a")["case"]
    tidy(http)
    assert read(http, case)["state"] == "open"
    decide(http, "release", "item:a")
    tidy(http)
    assert (read(http, case)["outcome"], "released" in read(http, case)["answer"]) == ("moot", True)


def test_a_hold_that_begins_after_publication_has_its_review_and_only_one(http):
    publish_policy(http, LATE_LABEL)
    assert put(http, "a")["state"] == "published"
    assert visible(http, "a")
    late = LateHolds(http.service)
    http.client.portal.call(late.turn)
    label(http, "a", 0.9)
    until(lambda: not visible(http, "a"))
    until(lambda: restrictions_of(http.service.store).count(subject="a") == 1)
    for _ in range(2):
        http.client.portal.call(late.turn)
        (case,) = cases(http, "a")
        assert (case.kind, case.category, case.about["held_by"]) == (CaseKind.REVIEW, "publishing", "rule:looked-at")
    send(http, "mo/moderator", f"/v1/cases/{case.id}/claim")
    send(http, "mo/moderator", f"/v1/cases/{case.id}/resolve", {"outcome": "no_action", "answer": "rightly held"})
    http.client.portal.call(late.turn)
    assert len(cases(http, "a")) == 1


def test_a_hold_whose_review_became_moot_has_another_once_it_holds_again(http):
    publish_policy(http, IDENTITY_GATE)
    put(http, "a")
    http.settled()
    until(lambda: restrictions_of(http.service.store).count(subject="a") >= 1)
    takedown = decide(http, "takedown", "item:a")
    tidy(http)
    late = LateHolds(http.service)
    http.client.portal.call(late.turn)
    assert [case.resolution.outcome for case in cases(http, "a")] == [CaseOutcome.MOOT]
    send(http, "mo/admin", f"/v1/decisions/{takedown}/reverse", {"reason": "mistaken", "basis": BASIS})
    http.settled()
    http.client.portal.call(LateHolds(http.service).turn)
    found = [case_of(entry) for entry in cases_of(http.service.store).find(subject="a")]
    assert sorted(case.state for case in found) == [CaseState.OPEN, CaseState.RESOLVED]
